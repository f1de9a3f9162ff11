namespace Doorbell.Hosts.Acpi;

/// <summary>An interrupt translation service (MADT type 0Fh).</summary>
/// <param name="Offset">Of its entry.</param>
/// <param name="Id">What IORT's ITS groups call it.</param>
/// <param name="Base">Physical base of its registers.</param>
internal readonly record struct MadtIts(int Offset, uint Id, ulong Base);
