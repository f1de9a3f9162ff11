using Doorbell.Interrupts;

namespace Doorbell.Tests.Msi;

/// <summary>A level of the hierarchy that does nothing but fail at the step it is told to: preparing, allocating, activating, moving.</summary>
internal sealed class FaultyLevel : IrqDomain
{
    private readonly ThisChip _chip;
    private int _step;

    public FaultyLevel(IrqDomain parent)
        : base("faulty", parent, IrqDomainFlags.None) => _chip = new ThisChip(this);

    /// <summary>Which step fails, from 0; negative none.</summary>
    public int FailAt { get; set; } = -1;

    /// <summary>True once it has failed.</summary>
    public bool Failed { get; private set; }

    public override Result Prepare(IrqRequester requester, int count, out IrqDeviceContext? context)
    {
        context = null;
        return Fails() ? Result.Fail(Errno.ENOSPC, "injected: prepare") : base.Prepare(requester, count, out context);
    }

    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        if (Fails())
        {
            return Result.Fail(Errno.ENOMEM, "injected: allocate");
        }

        foreach (IrqData irq in irqs)
        {
            irq.Set(0, _chip);
        }

        return AllocateParent(irqs, allocation);
    }

    protected override void OnFree(ReadOnlySpan<IrqData> irqs) => FreeParent(irqs);

    protected override Result OnActivate(IrqData irq) => Fails() ? Result.Fail(Errno.EIO, "injected: activate") : Result.Ok;

    private bool Fails()
    {
        bool fails = _step++ == FailAt;
        Failed |= fails;
        return fails;
    }

    private sealed class ThisChip(FaultyLevel level) : IrqChip
    {
        public override string Name => "faulty";

        public override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu) =>
            level.Fails() ? Result.Fail(Errno.EBUSY, "injected: affinity") : base.SetAffinity(irq, cpu);
    }
}
