namespace Doorbell.Hosts.Acpi;

/// <summary>Memory that devices behind an SMMU already use (type 6, RMR); its mappings put out the StreamIDs.</summary>
internal sealed record IortReservedMemory(
    int Offset, byte Revision, IReadOnlyList<IortMapping> Mappings, bool RemappingPermitted, IReadOnlyList<IortReservedRange> Ranges)
    : IortNode(Offset, Revision, Mappings);
