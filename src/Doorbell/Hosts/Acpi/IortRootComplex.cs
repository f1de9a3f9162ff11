namespace Doorbell.Hosts.Acpi;

/// <summary>A PCI root complex (type 2). A segment has one.</summary>
internal sealed record IortRootComplex(int Offset, byte Revision, IReadOnlyList<IortMapping> Mappings, uint Segment) : IortNode(Offset, Revision, Mappings);
