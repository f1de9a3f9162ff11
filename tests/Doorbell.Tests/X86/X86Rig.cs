using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Tests.Msi;
using Doorbell.X86;

namespace Doorbell.Tests.X86;

/// <summary>APICs with or without remapping in front, and devices that keep the messages written into them.</summary>
internal sealed class X86Rig
{
    private readonly IBusTarget _target;
    private readonly IDisposable _listening;

    private X86Rig(Func<X86Rig, (IBusTarget Target, MsiDomain Msi)> build, int cpus)
    {
        _listening = Events.Subscribe(Trace.Add);
        Apic = new ApicDomain("apic", cpus, Events);
        (_target, Msi) = build(this);
    }

    public EventStream Events { get; } = new();

    public List<MachineEvent> Trace { get; } = [];

    public ApicDomain Apic { get; }

    public MsiDomain Msi { get; }

    public VtdRemapping Vtd => (VtdRemapping)_target;

    public AmdRemapping Amd => (AmdRemapping)_target;

    public string LastRefusal => Trace.OfType<MsiRefusedEvent>().Last().Reason;

    public static X86Rig Plain(MappingPoint at = MappingPoint.Alloc, int cpus = 4) => new(rig => (new ApicMsiTarget(rig.Apic, rig.Events), MsiDomains.PciMsi(rig.Apic, rig.Events, at)), cpus);

    public static X86Rig WithVtd(MappingPoint at = MappingPoint.Alloc, int entries = VtdRemapping.MaxEntries, int cpus = 4) => new(
        rig =>
        {
            var unit = new VtdRemapping("vtd", rig.Apic, rig.Events, entries);
            return (unit, MsiDomains.PciMsi(new VtdDomain(unit), rig.Events, at));
        },
        cpus);

    public static X86Rig WithAmd(MappingPoint at = MappingPoint.Alloc) => new(
        rig =>
        {
            var unit = new AmdRemapping("amdvi", rig.Apic, rig.Events);
            return (unit, MsiDomains.PciMsi(new AmdDomain(unit), rig.Events, at));
        },
        4);

    /// <summary>A device with all its vectors of a kind armed; the handlers count.</summary>
    public (X86Device Device, MsiDeviceVectors Vectors, CountingHandler[] Handlers) Arm(ushort requester, int count, MsiKind kind = MsiKind.MsiX)
    {
        var device = new X86Device(requester);
        MsiDeviceVectors vectors = Msi.CreateDeviceVectors(device);
        Result allocated = vectors.Allocate(kind, count);
        Assert.True(allocated.IsOk, allocated.Reason);
        CountingHandler[] handlers = [.. Enumerable.Range(0, count).Select(_ => new CountingHandler())];
        for (int i = 0; i < count; i++)
        {
            Assert.True(vectors.Request(i, handlers[i]).IsOk);
        }

        return (device, vectors, handlers);
    }

    public void StopListening() => _listening.Dispose();

    public BusWriteOutcome Write(ushort requester, ulong address, uint data) =>
        _target.Write32(new BusWrite(address - InterruptAddress.Base, data, new DeviceId(requester), new RequesterId(requester)));

    public BusWriteOutcome Send(X86Device device, int vector)
    {
        MsiMessage message = device.Held[vector];
        return Write((ushort)device.DeviceId.Value, message.Address, message.Data);
    }

    internal sealed class X86Device(ushort requester) : IMsiDevice
    {
        public string Name { get; } = new RequesterId(requester).ToString();

        public DeviceId DeviceId { get; } = new(requester);

        public IommuDomain? IommuDomain => null;

        public Dictionary<int, MsiMessage> Held { get; } = [];

        public int Writes { get; private set; }

        public int VectorLimit(MsiKind kind) => kind == MsiKind.Msi ? 32 : 2048;

        public void WriteMessage(MsiKind kind, int vector, in MsiMessage message)
        {
            Writes++;
            Held[vector] = message;
        }

        public void SetMask(MsiKind kind, int vector, bool masked)
        {
        }

        public void SetEnabled(MsiKind kind, bool enabled, int count)
        {
        }
    }
}
