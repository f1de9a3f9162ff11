using Doorbell.Events;
using Doorbell.Interrupts;

namespace Doorbell.Msi;

/// <summary>The level that writes messages into devices: PCI MSI, MSI-X and platform MSI on top of a controller's domain (M9).</summary>
public sealed class MsiDomain : IrqDomain
{
    private readonly MsiChip _chip = new();
    private readonly Dictionary<IMsiDevice, MsiDeviceVectors> _devices = new(ReferenceEqualityComparer.Instance);

    /// <summary>An MSI domain.</summary>
    /// <param name="name">Name: <c>its@8080000-pci-msi</c>.</param>
    /// <param name="parent">The controller's domain.</param>
    /// <param name="info">What it can do, and when it maps doorbells.</param>
    /// <param name="events">Where what happens to vectors is told.</param>
    public MsiDomain(string name, IrqDomain parent, MsiDomainInfo info, EventStream events)
        : base(name, parent, IrqDomainFlags.Msi)
    {
        Info = info;
        Events = events;
    }

    /// <summary>What it says about itself.</summary>
    public MsiDomainInfo Info { get; }

    /// <summary>When it maps doorbells (M8).</summary>
    public MappingPoint MappingPoint => Info.MappingPoint;

    /// <summary>True when a device's MSIs can raise only its own interrupts: the flag of the series (M1) or mainline's on the hierarchy. What V3 asks.</summary>
    public bool IsIsolated => Info.IrqRemapping || HasIsolatedMsi;

    internal EventStream Events { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<PhysicalAddress> DoorbellsOf(DeviceId device) => Parent!.DoorbellsOf(device);

    /// <summary>M3: a domain's MSI info; null where it is no MSI domain.</summary>
    public static MsiDomainInfo? GetDomainInfo(IrqDomain domain) => (domain as MsiDomain)?.Info;

    /// <summary>A device's vectors in this domain: one set a device, so asked again it is the same until it is disposed (mainline: the device's own MSI domain).</summary>
    public MsiDeviceVectors CreateDeviceVectors(IMsiDevice device)
    {
        using EngineLock.Scope held = Lock.Enter();
        if (!_devices.TryGetValue(device, out MsiDeviceVectors? vectors))
        {
            vectors = new MsiDeviceVectors(this, device);
            _devices.Add(device, vectors);
        }

        return vectors;
    }

    internal void Forget(IMsiDevice device)
    {
        using EngineLock.Scope held = Lock.Enter();
        _devices.Remove(device);
    }

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        Result parent = AllocateParent(irqs, allocation);
        if (!parent.IsOk)
        {
            return parent;
        }

        for (int i = 0; i < irqs.Length; i++)
        {
            ulong hwIrq = ((ulong)allocation.Requester.DeviceId.Value << 11) | (uint)(allocation.FirstVector + i);
            irqs[i].Set(hwIrq, _chip, new MsiVector((MsiDeviceVectors)allocation.Owner!, irqs[i].Descriptor));
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs) => FreeParent(irqs);

    /// <inheritdoc/>
    protected override Result OnActivate(IrqData irq) => ((MsiVector)irq.ChipData!).WriteMessage();

    /// <inheritdoc/>
    protected override void OnDeactivate(IrqData irq) => ((MsiVector)irq.ChipData!).ClearMessage();
}
