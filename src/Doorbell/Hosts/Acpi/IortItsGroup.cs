namespace Doorbell.Hosts.Acpi;

/// <summary>A group of ITSs (type 0): the end of the way.</summary>
internal sealed record IortItsGroup(int Offset, byte Revision, IReadOnlyList<uint> Ids) : IortNode(Offset, Revision, []);
