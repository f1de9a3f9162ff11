using Doorbell.Gic;
using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>The driver of VT-d's interrupt remapping as a level of the hierarchy: an entry an interrupt, consecutive ones under one handle for multi-MSI (M1, M2).</summary>
public sealed class VtdDomain : RemappingDomain
{
    private readonly AlignedIdAllocator _indexes;
    private readonly Dictionary<uint, SourceCheck> _sources = [];
    private readonly VtdChip _chip;

    /// <summary>The driver.</summary>
    /// <param name="unit">The hardware.</param>
    public VtdDomain(VtdRemapping unit)
        : base(unit.Name, unit.Apic)
    {
        Unit = unit;
        _indexes = new AlignedIdAllocator(0, (uint)unit.Entries);
        _chip = new VtdChip(this);
    }

    /// <summary>The hardware.</summary>
    public VtdRemapping Unit { get; }

    /// <summary>Entries in use, multi-MSI blocks rounded up.</summary>
    public uint EntriesInUse => _indexes.InUse;

    /// <summary>Says that writes that arrive as this device are known by their buses only: what is behind a PCI Express to PCI bridge (Linux, set_msi_sid).</summary>
    /// <param name="device">The bridge's alias.</param>
    /// <param name="firstBus">The bus below the bridge.</param>
    /// <param name="lastBus">The bus of the function behind it.</param>
    public void VerifyBuses(DeviceId device, byte firstBus, byte lastBus)
    {
        using EngineLock.Scope held = Lock.Enter();
        _sources[device.Value] = SourceCheck.Buses(firstBus, lastBus);
    }

    internal override void Program(IrqData irq)
    {
        (int cpu, byte vector) = ApicDomain.VectorOf(irq).Current;
        Unit.Program((uint)irq.HwIrq, new RemapEntry(cpu, vector, SourceOf(irq.Descriptor.Requester)), irq.Descriptor.Requester.Name);
    }

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        if (!_indexes.TryAllocate(irqs.Length, out uint handle))
        {
            return Result.Fail(Errno.ENOSPC, $"{Name} has no {irqs.Length} entries in a row left for {allocation.Requester.Name}.");
        }

        Result parent = AllocateParent(irqs, allocation);
        if (!parent.IsOk)
        {
            _indexes.Free(handle, irqs.Length);
            return parent;
        }

        for (int i = 0; i < irqs.Length; i++)
        {
            irqs[i].Set(handle + (uint)i, _chip, handle);
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        FreeParent(irqs);
        _indexes.Free((uint)irqs[0].HwIrq, irqs.Length);
    }

    /// <inheritdoc/>
    protected override void OnDeactivate(IrqData irq) => Unit.Program((uint)irq.HwIrq, null, irq.Descriptor.Requester.Name);

    private SourceCheck SourceOf(IrqRequester requester) =>
        _sources.TryGetValue(requester.DeviceId.Value, out SourceCheck known) ? known : SourceCheck.Exactly(new RequesterId((ushort)requester.DeviceId.Value));
}
