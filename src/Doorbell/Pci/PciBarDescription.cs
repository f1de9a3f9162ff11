namespace Doorbell.Pci;

/// <summary>A base address register as a device's data sheet gives it.</summary>
/// <param name="Index">0 to 5; a 64-bit BAR takes the next one as well.</param>
/// <param name="Size">Bytes: a power of two, at least 16 (memory) or 4 (I/O).</param>
/// <param name="Kind">What it decodes.</param>
/// <param name="Prefetchable">Reads have no side effects (memory only).</param>
public readonly record struct PciBarDescription(int Index, ulong Size, PciBarKind Kind, bool Prefetchable = false);
