namespace Doorbell.Hosts.Acpi;

/// <summary>A remapping unit (DRHD, type 0).</summary>
/// <param name="Offset">Of its structure.</param>
/// <param name="Segment">The PCI segment it is for.</param>
/// <param name="Base">Base of its registers.</param>
/// <param name="IncludesAll">INCLUDE_PCI_ALL: every function of the segment that no other unit names.</param>
/// <param name="Scopes">What it names itself.</param>
internal sealed record DmarUnit(int Offset, ushort Segment, ulong Base, bool IncludesAll, IReadOnlyList<DmarScope> Scopes);
