namespace Doorbell.Pci;

/// <summary>PCI power management (PCIe base 7.5.2, PCI PM 1.2): the power state, D0 to D3hot. Neither BARs nor DMA work outside D0.</summary>
public sealed class PowerManagementCapability : PciCapability
{
    /// <summary>Power management capabilities, 16 bits.</summary>
    public const int CapabilitiesRegister = 0x02;

    /// <summary>Control/status, 16 bits.</summary>
    public const int ControlStatus = 0x04;

    /// <summary>Bytes.</summary>
    public const int Size = 8;

    /// <summary>In <see cref="ControlStatus"/>: the state, 0 to 3.</summary>
    public const ushort PowerStateMask = 0x0003;

    /// <summary>In <see cref="ControlStatus"/>: going from D3hot to D0 resets nothing.</summary>
    public const ushort NoSoftReset = 1 << 3;

    private const ushort SpecificationVersion = 3;

    internal PowerManagementCapability(PciFunction function, int offset)
        : base(function, offset) =>
        Config.DefineWritable16(offset + ControlStatus, PowerStateMask);

    /// <inheritdoc/>
    public override int Length => Size;

    /// <summary>0 (D0) to 3 (D3hot).</summary>
    public int PowerState => Config.Read16(Offset + ControlStatus) & PowerStateMask;

    /// <summary>Going to D3hot and back to D0 resets the function (7.5.2.2, No_Soft_Reset clear).</summary>
    public bool ResetsOnReturn => (Config.Read16(Offset + ControlStatus) & NoSoftReset) == 0;

    /// <summary>Back to D0, as enabling a device does.</summary>
    internal void EnterD0()
    {
        Config.Set16(Offset + ControlStatus, (ushort)(Config.Read16(Offset + ControlStatus) & ~PowerStateMask));
        OnWritten();
    }

    /// <summary>Writes the registers into a configuration space under construction.</summary>
    internal static void Lay(PciConfigSpace config)
    {
        int offset = config.AddCapability(PciCapabilityId.PowerManagement, Size);
        config.Define16(offset + CapabilitiesRegister, SpecificationVersion);
        config.Define16(offset + ControlStatus, NoSoftReset);
    }

    /// <inheritdoc/>
    internal override void OnWritten() => Function.RefreshEnables();
}
