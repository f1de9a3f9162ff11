namespace Doorbell.Hosts.Acpi;

/// <summary>A GICv2m frame (MADT type 0Dh, GIC MSI frame).</summary>
/// <param name="Offset">Of its entry.</param>
/// <param name="Id">The frame's ID.</param>
/// <param name="Base">Physical base of its page.</param>
/// <param name="Spis">First SPI and their count, where the flag says that they stand for MSI_TYPER's; else null.</param>
internal readonly record struct MadtMsiFrame(int Offset, uint Id, ulong Base, (ushort First, ushort Count)? Spis);
