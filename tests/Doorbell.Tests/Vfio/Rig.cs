using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>Groups put together by hand behind IOMMUs of any kind, on one ITS and one v2m frame: what no described machine has.</summary>
internal sealed class Rig
{
    public const ulong Memory = 0x7f00_0000_0000;

    private readonly PhysicalBus _bus = new();
    private readonly List<PassthroughGroup> _groups = [];
    private readonly GicV3Its _its;
    private VfioHost? _host;

    public Rig(VfioOptions? options = null, MappingPoint mappingPoint = MappingPoint.Alloc)
    {
        Options = options ?? new VfioOptions();
        EventStream.Subscribe(Events.Add);
        GicDomain gic = new("gic", 4, 256, 16, EventStream);
        _its = new GicV3Its("its", new PhysicalAddress(0x808_0000), gic, EventStream);
        Board.Ok(_bus.AddTarget(_its.TranslationFrame, GicV3Its.TranslationFrameSize, _its));
        Its = MsiDomains.PciMsi(new ItsDomain(_its), EventStream, mappingPoint);
        GicV2mFrame frame = Board.Ok(GicV2mFrame.Create("v2m", new PhysicalAddress(0x802_0000), 80, 64, gic, EventStream));
        Board.Ok(_bus.AddTarget(frame.Base, GicV2mFrame.FrameSize, frame));
        V2m = MsiDomains.PciMsi(new GicV2mDomain("v2m", gic, [frame], EventStream), EventStream, mappingPoint);
    }

    public VfioOptions Options { get; }

    public EventStream EventStream { get; } = new();

    public List<MachineEvent> Events { get; } = [];

    public MsiDomain Its { get; }

    public MsiDomain V2m { get; }

    public PhysicalAddress ItsDoorbell => _its.Doorbell;

    public ArrayMemory Client { get; } = new(Memory, 0x40_0000);

    public VfioHost Host => _host ??= new VfioHost(_groups, _bus, EventStream, Options);

    public IEnumerable<Refusal> Refusals => Events.OfType<Refusal>();

    public Doorbell.Iommu.Iommu Iommu(string name, IommuModel model, ulong granule = 0x1000, int tableLimit = int.MaxValue, params ReservedRegion[] reserved) => new(
        name,
        model,
        EventStream,
        new IommuOptions { Granule = granule, TableLimit = tableLimit, ReservedRegions = reserved.Length == 0 ? null : reserved });

    /// <summary>A pci-test device; its reserved regions are its IOMMU's and those given.</summary>
    public PassthroughDevice Device(int number, Doorbell.Iommu.Iommu iommu, MsiDomain? msi, params ReservedRegion[] reserved) => Function(number, iommu, msi, isBridge: false, reserved);

    /// <summary>What VFIO takes for a bridge, with its own driver.</summary>
    public PassthroughDevice Bridge(int number, Doorbell.Iommu.Iommu iommu, MsiDomain? msi) => Function(number, iommu, msi, isBridge: true, []);

    private PassthroughDevice Function(int number, Doorbell.Iommu.Iommu iommu, MsiDomain? msi, bool isBridge, ReservedRegion[] reserved)
    {
        PciAddress address = new(0, 0, (byte)number, 0);
        PciFunction function = new(address, new PciTestDevice(), EventStream);
        DeviceId deviceId = new(address.RequesterId.Value);
        StreamTableEntry stream = iommu.GetStream(new StreamId(address.RequesterId.Value));
        function.Upstream = new RequesterPort(function.Name, address.RequesterId, deviceId, stream, _bus, EventStream);
        return new PassthroughDevice
        {
            Function = function,
            Iommu = iommu,
            StreamId = stream.StreamId,
            DeviceId = deviceId,
            MsiDomain = msi,
            MsiDevice = new PciMsiDevice(function, deviceId, stream),
            ReservedRegions = [.. iommu.GetReservedRegions(), .. reserved],
            IsBridge = isBridge,
            Driver = isBridge ? "pcieport" : PassthroughDevice.VfioDriver,
        };
    }

    /// <summary>The devices as one group; before <see cref="Host"/> is asked for.</summary>
    public PassthroughGroup Group(params PassthroughDevice[] devices)
    {
        PassthroughGroup group = new(_groups.Count, devices);
        _groups.Add(group);
        return group;
    }

    public VfioGroup Open(PassthroughGroup group) => Board.Ok(Host.OpenGroup(group.Id));

    /// <summary>A container of type1v2 (or v1) with the group in it.</summary>
    public (VfioContainer Container, VfioGroup Group) Contain(PassthroughGroup group, uint type = VfioIommuType.Type1v2)
    {
        VfioContainer container = Host.OpenContainer();
        VfioGroup opened = Open(group);
        Board.Ok(opened.SetContainer(container));
        Board.Ok(container.SetIommu(type));
        return (container, opened);
    }

    public Result Map(VfioContainer container, ulong iova, ulong size, VfioMapFlags flags = VfioMapFlags.Read | VfioMapFlags.Write) =>
        container.MapDma(flags, Memory, new Iova(iova), size, Client);

    public Result Register(VfioContainer container, ulong iova, ulong size) => container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(iova), size, Client);

    /// <summary>Opens a device and arms its MSI-X vectors.</summary>
    public (VfioDevice Device, CountingTrigger[] Triggers, Result<int> Armed) Arm(VfioGroup group, PassthroughDevice device, int vectors)
    {
        VfioDevice opened = Board.Ok(group.OpenDevice(device.Name));
        device.Function.SetCommand(device.Function.Command | PciCommand.BusMaster);
        CountingTrigger[] triggers = [.. Enumerable.Range(0, vectors).Select(static _ => new CountingTrigger())];
        Result<int> armed = opened.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, (uint)vectors, default, triggers);
        return (opened, triggers, armed);
    }

    public static IommuDomain DomainOf(PassthroughDevice device) => device.Iommu!.GetStream(device.StreamId).Domain;

    /// <summary>N1: where the message of a vector leads in the device's domain, or null.</summary>
    public static PhysicalAddress? Lead(PassthroughDevice device, int vector = 0) =>
        DomainOf(device).TryTranslate(new Iova(device.Function.MsiX!.ReadEntry(vector).Address), IommuProtection.Write, out PhysicalAddress pa) ? pa : null;
}
