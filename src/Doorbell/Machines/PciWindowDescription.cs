namespace Doorbell.Machines;

/// <summary>A window through which the CPUs (and the machine's map) reach PCI memory space.</summary>
/// <param name="Range">In the machine's physical map.</param>
/// <param name="BusAddress">The PCI address of its first byte.</param>
public sealed record PciWindowDescription(MemoryRange Range, ulong BusAddress)
{
    /// <summary>The PCI address of its last byte.</summary>
    public ulong BusLast => BusAddress + (Range.Size - 1);

    /// <summary>True where only 64-bit BARs can be put.</summary>
    public bool Is64Bit => BusAddress > uint.MaxValue;
}
