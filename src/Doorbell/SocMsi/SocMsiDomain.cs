using Doorbell.Interrupts;

namespace Doorbell.SocMsi;

/// <summary>The driver of an MSI controller outside the GIC, root of its own hierarchy: its MSIs share SPIs, so that none can go to a CPU of its own.</summary>
public sealed class SocMsiDomain : IrqDomain
{
    private readonly SocMsiFrame _frame;
    private readonly bool _isInHost;
    private readonly SocMsiChip _chip;

    /// <summary>The driver.</summary>
    /// <param name="frame">The hardware.</param>
    /// <param name="isInHost">True where the PCI host takes the writes itself, before an IOMMU sees them.</param>
    public SocMsiDomain(SocMsiFrame frame, bool isInHost)
        : base(frame.Name, null, IrqDomainFlags.MsiParent)
    {
        _frame = frame;
        _isInHost = isInHost;
        _chip = new SocMsiChip(frame);
    }

    /// <summary>No: they share the SPIs behind them.</summary>
    public override bool CanMove => false;

    /// <summary>None where the host takes the writes itself: nothing has to be mapped (I1).</summary>
    public override IReadOnlyList<PhysicalAddress> Doorbells => _isInHost ? [] : [_frame.Doorbell];

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        if (!_frame.Ids.TryAllocate(irqs.Length, out uint first))
        {
            return Result.Fail(Errno.ENOSPC, $"{Name} has no {irqs.Length} MSIs in a row left for {allocation.Requester.Name}: it takes {_frame.Vectors}.");
        }

        for (int i = 0; i < irqs.Length; i++)
        {
            irqs[i].Set(first + (uint)i, _chip);
            _frame.Set(first + (uint)i, irqs[i].Descriptor);
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        foreach (IrqData irq in irqs)
        {
            _frame.Set((uint)irq.HwIrq, null);
            irq.Descriptor.SetEnabled(false);
            irq.Descriptor.ClearPending();
        }

        _frame.Ids.Free((uint)irqs[0].HwIrq, irqs.Length);
    }

    /// <inheritdoc/>
    protected override Result OnActivate(IrqData irq)
    {
        if (irq.Descriptor.Affinity == IrqDescriptor.NoAffinity)
        {
            irq.Descriptor.Affinity = 0;
        }

        return Result.Ok;
    }
}
