using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>QEMU virt's addresses: a GIC with 4 CPUs, an ITS or a v2m frame, and an SMMUv3.</summary>
internal sealed class TestBoard
{
    private readonly List<(PhysicalAddress Base, ulong Size, IBusTarget Target)> _frames = [];
    private readonly IDisposable _listening;
    private int _lastDevice;

    private TestBoard(int intidBits)
    {
        _listening = Events.Subscribe(Trace.Add);
        Gic = new GicDomain("gic@8000000", 4, 256, intidBits, Events);
        Smmu = new Doorbell.Iommu.Iommu("smmu@9050000", IommuModel.SmmuV3, Events);
    }

    public EventStream Events { get; } = new();

    public List<MachineEvent> Trace { get; } = [];

    public GicDomain Gic { get; }

    public Doorbell.Iommu.Iommu Smmu { get; }

    public GicV3Its? Its { get; private set; }

    public GicV2mFrame? V2m { get; private set; }

    public MsiDomain Msi { get; private set; } = null!;

    public HashSet<PhysicalAddress> Doorbells { get; } = [];

    public static TestBoard WithIts(MappingPoint mappingPoint = MappingPoint.Alloc, int intidBits = 16, int deviceIdBits = 16)
    {
        var board = new TestBoard(intidBits);
        board.Its = new GicV3Its("its@8080000", new PhysicalAddress(0x808_0000), board.Gic, board.Events, deviceIdBits);
        board.Add(board.Its.TranslationFrame, GicV3Its.TranslationFrameSize, board.Its, board.Its.Doorbell);
        board.Msi = MsiDomains.PciMsi(new ItsDomain(board.Its), board.Events, mappingPoint);
        board.Trace.Clear();
        return board;
    }

    public static TestBoard WithV2m(MappingPoint mappingPoint = MappingPoint.Alloc, uint spiBase = 80, uint spiCount = 64)
    {
        var board = new TestBoard(0);
        board.V2m = GicV2mFrame.Create("v2m@8020000", new PhysicalAddress(0x802_0000), spiBase, spiCount, board.Gic, board.Events).Value;
        board.Add(board.V2m.Base, GicV2mFrame.FrameSize, board.V2m, board.V2m.Doorbell);
        board.Msi = MsiDomains.PciMsi(new GicV2mDomain("v2m@8020000", board.Gic, [board.V2m], board.Events), board.Events, mappingPoint);
        return board;
    }

    /// <summary>A board whose message changes with the CPU: each has its own doorbell page.</summary>
    public static TestBoard WithDoorbellPerCpu(MappingPoint mappingPoint, ulong stride = 0x1000)
    {
        var board = new TestBoard(0);
        var domain = new DoorbellPerCpuDomain(board.Gic, new PhysicalAddress(0xa00_0000), stride);
        board.Doorbells.UnionWith(domain.Doorbells);
        board.Msi = new MsiDomain("per-cpu-msi", domain, new MsiDomainInfo(MsiDomainFlags.PciMsiX | MsiDomainFlags.MultiPciMsi, mappingPoint), board.Events);
        return board;
    }

    public void Add(PhysicalAddress start, ulong size, IBusTarget target, PhysicalAddress doorbell)
    {
        _frames.Add((start, size, target));
        Doorbells.Add(doorbell);
    }

    /// <summary>An unmanaged domain with mainline's window, as VFIO makes it.</summary>
    public IommuDomain NewDomain(DoorbellRetention retention = DoorbellRetention.UntilLastReference, ulong windowSize = 0x10_0000)
    {
        IommuDomain domain = Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), windowSize, 12, retention).IsOk);
        return domain;
    }

    public TestMsiDevice NewDevice(IommuDomain? domain, uint? deviceId = null)
    {
        _lastDevice++;
        return new TestMsiDevice(this, $"0000:00:{_lastDevice:x2}.0", deviceId ?? (uint)_lastDevice << 3, domain);
    }

    /// <summary>A device's write as the bus decodes it. True when an interrupt was delivered.</summary>
    public bool Write(TestMsiDevice device, PhysicalAddress pa, uint data) => WriteOutcome(device, pa, data) == BusWriteOutcome.Delivered;

    public BusWriteOutcome WriteOutcome(TestMsiDevice device, PhysicalAddress pa, uint data)
    {
        foreach ((PhysicalAddress start, ulong size, IBusTarget target) in _frames)
        {
            if (pa >= start && pa.Value - start.Value < size)
            {
                return target.Write32(new BusWrite(pa.Value - start.Value, data, device.DeviceId, new RequesterId((ushort)device.DeviceId.Value)));
            }
        }

        throw new InvalidOperationException($"nothing decodes {pa}");
    }

    public void StopListening() => _listening.Dispose();

    public IEnumerable<T> Told<T>()
        where T : MachineEvent => Trace.OfType<T>();
}
