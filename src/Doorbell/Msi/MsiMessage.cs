namespace Doorbell.Msi;

/// <summary>What a device writes, and where, to raise an MSI (PCIe base 7.7; struct msi_msg).</summary>
public readonly record struct MsiMessage(uint AddressLo, uint AddressHi, uint Data)
{
    /// <summary>A message for a 64-bit address.</summary>
    public MsiMessage(ulong address, uint data)
        : this((uint)address, (uint)(address >> 32), data)
    {
    }

    /// <summary>Both address halves together.</summary>
    public ulong Address => ((ulong)AddressHi << 32) | AddressLo;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Address:x} <- 0x{Data:x}";
}
