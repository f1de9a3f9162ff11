namespace Doorbell.Hosts.Acpi;

/// <summary>A device of the namespace that is no PCI function (type 1).</summary>
internal sealed record IortNamedComponent(int Offset, byte Revision, IReadOnlyList<IortMapping> Mappings, string Name) : IortNode(Offset, Revision, Mappings);
