using Doorbell.Events;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>The driver of all v2m frames of a GIC as a level of the hierarchy: SPIs from the first frame that has enough in a row (M10).</summary>
/// <remarks>Chosen difference: a block for multi-MSI is aligned to its size by INTID, since the device replaces the payload's low bits. Linux 7.3 aligns one bit short of that.</remarks>
public sealed class GicV2mDomain : IrqDomain
{
    private readonly EventStream _events;
    private readonly GicV2mChip _chip = new();

    /// <summary>The driver.</summary>
    /// <param name="name">Name: <c>v2m@8020000</c>.</param>
    /// <param name="gic">The GIC whose SPIs the frames have.</param>
    /// <param name="frames">The frames, in the order they are tried; their SPIs do not overlap.</param>
    /// <param name="events">Where allocations are told.</param>
    public GicV2mDomain(string name, GicDomain gic, IReadOnlyList<GicV2mFrame> frames, EventStream events)
        : base(name, gic, IrqDomainFlags.MsiParent)
    {
        ArgumentOutOfRangeException.ThrowIfZero(frames.Count);
        Frames = frames;
        _events = events;
    }

    /// <summary>The frames.</summary>
    public IReadOnlyList<GicV2mFrame> Frames { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<PhysicalAddress> Doorbells => [.. Frames.Select(static frame => frame.Doorbell)];

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        foreach (GicV2mFrame frame in Frames)
        {
            if (!frame.Spis.TryAllocate(irqs.Length, out uint spi))
            {
                continue;
            }

            Result parent = AllocateParent(irqs, allocation with { Intid = spi });
            if (!parent.IsOk)
            {
                frame.Spis.Free(spi, irqs.Length);
                return parent;
            }

            for (int i = 0; i < irqs.Length; i++)
            {
                irqs[i].Set(spi + (uint)i, _chip, frame);
            }

            Tell(frame, irqs, freed: false);
            return Result.Ok;
        }

        return Result.Fail(Errno.ENOSPC, $"{Name} has no {irqs.Length} SPIs in a row left for {allocation.Requester.Name} (M10).");
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        var frame = (GicV2mFrame)irqs[0].ChipData!;
        FreeParent(irqs);
        frame.Spis.Free((uint)irqs[0].HwIrq, irqs.Length);
        Tell(frame, irqs, freed: true);
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

    private void Tell(GicV2mFrame frame, ReadOnlySpan<IrqData> irqs, bool freed)
    {
        if (_events.IsEnabled)
        {
            _events.Emit(new GicV2mAllocEvent
            {
                Frame = frame.Name,
                Device = irqs[0].Descriptor.Requester.Name,
                Spi = (uint)irqs[0].HwIrq,
                Count = irqs.Length,
                Freed = freed,
            });
        }
    }
}
