namespace Doorbell.Pci;

/// <summary>The status register (PCIe base 7.5.1.1.4).</summary>
[Flags]
public enum PciStatus : ushort
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>INTx is wanted, whether or not <see cref="PciCommand.InterruptDisable"/> holds it back.</summary>
    InterruptStatus = 1 << 3,

    /// <summary>A capability list exists.</summary>
    CapabilityList = 1 << 4,

    /// <summary>The bits software clears by writing one: errors seen.</summary>
    WriteOneToClear = 0xf900,
}
