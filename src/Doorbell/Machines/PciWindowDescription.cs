namespace Doorbell.Machines;

/// <summary>A window through which the CPUs (and the machine's map) reach PCI memory space.</summary>
/// <param name="Range">In the machine's physical map.</param>
/// <param name="BusAddress">The PCI address of its first byte.</param>
/// <param name="Prefetchable">True for the 64-bit prefetchable window.</param>
public sealed record PciWindowDescription(MemoryRange Range, ulong BusAddress, bool Prefetchable);
