using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Tests.Msi;

namespace Doorbell.Tests.Races;

/// <summary>A race for vectors of devices behind one controller, each in an IOMMU domain: arm, disarm, affinity, domain replaced, closed.</summary>
internal sealed class VectorRace : Race
{
    private readonly TestBoard _board;
    private readonly List<(string Name, Action Run)> _operations = [];
    private readonly List<IommuDomain> _domains = [];
    private readonly List<(TestMsiDevice Device, MsiDeviceVectors Vectors)> _devices = [];
    private readonly CountingHandler _handler = new();

    public VectorRace(TestBoard board)
    {
        _board = board;
        board.StopListening();
    }

    /// <summary>What each operation answered, in the order they ended.</summary>
    public List<Errno> Answers { get; } = [];

    /// <summary>Holds at the end, before everything is given back.</summary>
    public Action<VectorRace>? Expect { get; init; }

    public override IReadOnlyList<(string Name, Action Run)> Operations => _operations;

    public IReadOnlyList<IommuDomain> Domains => _domains;

    public MsiDeviceVectors VectorsOf(int device) => _devices[device].Vectors;

    /// <summary>A device in a domain of its own, with vectors allocated and the first of them armed.</summary>
    public VectorRace Device(int allocated, int armed, uint? deviceId = null, int? domain = null)
    {
        if (domain is null)
        {
            _domains.Add(_board.NewDomain());
        }

        TestMsiDevice device = _board.NewDevice(_domains[domain ?? ^1], deviceId);
        device.Limits[MsiKind.MsiX] = 4;
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        _devices.Add((device, vectors));
        if (allocated > 0)
        {
            Assert.True(vectors.Allocate(MsiKind.MsiX, allocated).IsOk);
        }

        for (int vector = 0; vector < armed; vector++)
        {
            Assert.True(vectors.Request(vector, _handler).IsOk);
        }

        return this;
    }

    public VectorRace Allocate(int device, int count) => Add($"allocate {count} of device {device}", () =>
        Answers.Add(VectorsOf(device).Allocate(MsiKind.MsiX, count).Errno));

    public VectorRace Arm(int device, int vector) => Add($"arm {vector} of device {device}", () =>
        Answers.Add(VectorsOf(device).Request(vector, _handler).Errno));

    public VectorRace Disarm(int device, int vector) => Add($"disarm {vector} of device {device}", () => VectorsOf(device).FreeIrq(vector));

    public VectorRace Affinity(int device, int vector, int cpu) => Add($"affinity {vector} of device {device} to {cpu}", () =>
        Answers.Add(VectorsOf(device).SetAffinity(vector, cpu).Errno));

    public VectorRace Close(int device) => Add($"close device {device}", () => VectorsOf(device).Dispose());

    /// <summary>The device goes to another domain while its vectors are armed, as a replaced HWPT does it.</summary>
    public VectorRace Replace(int device, bool cancel = false, bool otherWindow = false)
    {
        IommuDomain next = _board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(next.AllocateReservedIovaDomain(new Iova(otherWindow ? 0x9000_0000UL : 0x800_0000UL), 0x10_0000, 12).IsOk);
        _domains.Add(next);
        return Add($"replace the domain of device {device}", () =>
        {
            Result<MsiDomainMove> move = VectorsOf(device).PrepareMove(next);
            Answers.Add(move.Errno);
            if (!move.IsOk)
            {
                return;
            }

            Interleaving.Point("has prepared");
            if (cancel)
            {
                move.Value.Cancel();
                return;
            }

            // What has another address in the new domain is masked until it is rewritten.
            _devices[device].Device.IsMoving = true;
            _devices[device].Device.IommuDomain = next;
            Interleaving.Point("has attached");
            move.Value.Complete();
            _devices[device].Device.IsMoving = false;
        });
    }

    // N1, and M5 with it: no device holds an address that is not mapped, between any two steps of anybody.
    public override void AtEveryPoint()
    {
        foreach ((TestMsiDevice device, _) in _devices)
        {
            device.CheckN1();
        }
    }

    public override void AtTheEnd()
    {
        AtEveryPoint();
        Expect?.Invoke(this);
        foreach (IommuDomain domain in _domains)
        {
            // N2: a reference a vector that is armed (M4) or allocated (M8) there, and a mapping a doorbell in use.
            int expected = 0;
            foreach ((TestMsiDevice device, MsiDeviceVectors vectors) in _devices.Where(each => each.Device.IommuDomain == domain))
            {
                expected += Enumerable.Range(0, 4).Count(vector => _board.Msi.MappingPoint == MappingPoint.Alloc ? vectors.IsAllocated(vector) : vectors.IsRequested(vector));
            }

            ReservedIovaDomain window = domain.ReservedIovas!;
            Assert.Equal(expected, window.ReferenceCount);
            Assert.Equal(window.BindingCount, domain.EntryCount);
            Assert.Equal(window.BindingCount, window.UsedGranules);
        }

        // N4: what is armed arrives, once.
        int sent = 0;
        foreach ((TestMsiDevice device, MsiDeviceVectors vectors) in _devices)
        {
            for (int vector = 0; vector < 4 && _board.Its is not null; vector++)
            {
                bool arrived = device.Send(MsiKind.MsiX, vector);
                Assert.Equal(vectors.IsRequested(vector), arrived);
                sent += arrived ? 1 : 0;
            }
        }

        Assert.Equal(sent, _handler.Total);
        foreach ((_, MsiDeviceVectors vectors) in _devices)
        {
            vectors.Dispose();
        }

        Assert.All(_domains, domain => Assert.True(domain.IsEmpty, "N2: something is mapped or bound after every device has closed"));
    }

    private VectorRace Add(string name, Action run)
    {
        _operations.Add((name, run));
        return this;
    }
}
