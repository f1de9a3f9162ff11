namespace Doorbell.Pci;

/// <summary>A bridge with a bus below it: root port, switch port, or a bridge to conventional PCI (type 1 header).</summary>
public sealed class PciBridge : PciFunction
{
    private const ushort BridgeControlWritable = 0x005f;

    /// <summary>A bridge laid out from a description.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="description">What it is.</param>
    /// <param name="secondary">Number of the bus below.</param>
    /// <param name="subordinate">Highest bus number below.</param>
    /// <param name="events">Where refusals and resets are told.</param>
    public PciBridge(PciAddress address, PciBridgeDescription description, byte secondary, byte subordinate, Events.EventStream? events = null)
        : this(address, Lay(address, description, secondary, subordinate), [], events) =>
        HasFixedConfigSpace = false;

    /// <summary>A bridge whose configuration space exists already (a captured one); its bus numbers are in it.</summary>
    public PciBridge(PciAddress address, PciConfigSpace config, IReadOnlyList<PciBarDescription> bars, Events.EventStream? events = null)
        : base(address, config, bars, null, events)
    {
        if (!IsBridge)
        {
            throw new ArgumentException($"{address} has no type 1 header", nameof(config));
        }

        if (SecondaryBus <= address.Bus || SubordinateBus < SecondaryBus)
        {
            throw new ArgumentException($"{address}: buses {SecondaryBus:x2} to {SubordinateBus:x2} do not lie below bus {address.Bus:x2}", nameof(config));
        }

        HasFixedConfigSpace = true;
        DefineBridgeRegisters();
    }

    /// <summary>The bus below, once the bridge sits on a bus itself.</summary>
    public PciBus? Secondary { get; private set; }

    /// <summary>Number of the bus below.</summary>
    public byte SecondaryBus => Config.Read8(PciHeader.SecondaryBus);

    /// <summary>Highest bus number below.</summary>
    public byte SubordinateBus => Config.Read8(PciHeader.SubordinateBus);

    /// <summary>A PCI Express port: below it is a link or a switch's inner bus.</summary>
    public bool IsPort => Express?.Type is PciExpressType.RootPort or PciExpressType.UpstreamPort or PciExpressType.DownstreamPort;

    /// <summary>Creates the bus below. The bridge must be on its bus first.</summary>
    internal PciBus CreateSecondary()
    {
        if (Bus is null || Secondary is not null)
        {
            throw new InvalidOperationException($"{Name}: {(Bus is null ? "not on a bus" : "has its secondary bus already")}");
        }

        return Secondary = new PciBus(Address.Segment, SecondaryBus, this, Bus);
    }

    private static PciConfigSpace Lay(PciAddress address, PciBridgeDescription description, byte secondary, byte subordinate)
    {
        var config = new PciConfigSpace(description.Type is null ? PciHeader.ConventionalSize : PciHeader.ExpressSize);
        PciConfigLayout.Identity(config, new PciDeviceDescription
        {
            VendorId = description.VendorId,
            DeviceId = description.DeviceId,
            ClassCode = PciBridgeDescription.ClassCode,
        });
        config.Define8(PciHeader.HeaderType, PciHeader.TypeBridge);
        config.Define8(PciHeader.PrimaryBus, address.Bus);
        config.Define8(PciHeader.SecondaryBus, secondary);
        config.Define8(PciHeader.SubordinateBus, subordinate);

        PowerManagementCapability.Lay(config);
        if (description.Type is { } type)
        {
            PciExpressCapability.Lay(config, type, functionLevelReset: false);
            if (description.Acs != AcsServices.None)
            {
                AcsCapability.Lay(config, description.Acs);
            }
        }

        return config;
    }

    private void DefineBridgeRegisters()
    {
        Config.DefineWritable8(PciHeader.PrimaryBus, 0xff);
        Config.DefineWritable8(PciHeader.SecondaryBus, 0xff);
        Config.DefineWritable8(PciHeader.SubordinateBus, 0xff);
        Config.DefineWritable16(PciHeader.IoBase, 0xf0f0);
        Config.DefineWriteOneToClear16(PciHeader.SecondaryStatus, (ushort)PciStatus.WriteOneToClear);
        Config.DefineWritable32(PciHeader.MemoryBase, 0xfff0_fff0);
        Config.DefineWritable32(PciHeader.PrefetchableBase, 0xfff0_fff0);
        Config.DefineWritable32(PciHeader.PrefetchableBaseUpper, uint.MaxValue);
        Config.DefineWritable32(PciHeader.PrefetchableBaseUpper + 4, uint.MaxValue);
        Config.DefineWritable32(PciHeader.IoBaseUpper, uint.MaxValue);
        Config.DefineWritable16(PciHeader.BridgeControl, BridgeControlWritable);
    }
}
