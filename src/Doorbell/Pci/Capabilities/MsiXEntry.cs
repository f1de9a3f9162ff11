namespace Doorbell.Pci;

/// <summary>An MSI-X table entry as the device holds it (PCIe base 7.7.2, table 7-67 on).</summary>
/// <param name="AddressLo">Message address, 4-aligned.</param>
/// <param name="AddressHi">Message upper address.</param>
/// <param name="Data">Message data.</param>
/// <param name="Masked">The vector control's mask bit; set after reset.</param>
public readonly record struct MsiXEntry(uint AddressLo, uint AddressHi, uint Data, bool Masked)
{
    /// <summary>Both address halves together.</summary>
    public ulong Address => ((ulong)AddressHi << 32) | AddressLo;
}
