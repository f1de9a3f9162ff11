namespace Doorbell.Pci;

/// <summary>Access control services (PCIe base 7.7.8): whether a port or function keeps its neighbours from reaching each other past the IOMMU.</summary>
public sealed class AcsCapability : PciCapability
{
    /// <summary>ACS capability, 16 bits: <see cref="AcsServices"/>.</summary>
    public const int CapabilityRegister = 0x04;

    /// <summary>ACS control, 16 bits: <see cref="AcsServices"/>.</summary>
    public const int ControlRegister = 0x06;

    /// <summary>Bytes, without an egress control vector.</summary>
    public const int Size = 8;

    internal AcsCapability(PciFunction function, int offset)
        : base(function, offset) =>
        Config.DefineWritable16(offset + ControlRegister, Config.Read16(offset + CapabilityRegister));

    /// <inheritdoc/>
    public override int Length => Size;

    /// <summary>What the function can do.</summary>
    public AcsServices Supported => (AcsServices)Config.Read16(Offset + CapabilityRegister);

    /// <summary>What is switched on.</summary>
    public AcsServices Enabled => (AcsServices)Config.Read16(Offset + ControlRegister);

    /// <summary>True when every service in <paramref name="wanted"/> that the function has is on; a service it lacks counts as not needed there.</summary>
    /// <remarks>Egress control is the exception: it must be there to be on (Linux, pci_acs_flags_enabled).</remarks>
    public bool Isolates(AcsServices wanted)
    {
        wanted &= Supported | AcsServices.EgressControl;
        return (Enabled & wanted) == wanted;
    }

    /// <summary>Writes the registers into a configuration space under construction.</summary>
    /// <param name="config">The space.</param>
    /// <param name="services">Supported, and on: a host that uses an IOMMU switches them on at boot (Linux, pci_enable_acs).</param>
    internal static void Lay(PciConfigSpace config, AcsServices services)
    {
        int offset = config.AddExtendedCapability(PciExtendedCapabilityId.AccessControlServices, 1, Size);
        config.Define16(offset + CapabilityRegister, (ushort)services);
        config.Define16(offset + ControlRegister, (ushort)services);
    }
}
