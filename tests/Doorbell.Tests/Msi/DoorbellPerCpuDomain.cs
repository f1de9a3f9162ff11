using Doorbell.Interrupts;

namespace Doorbell.Tests.Msi;

/// <summary>A controller with a doorbell a CPU, so that affinity changes the message: what M5 is about.</summary>
internal sealed class DoorbellPerCpuDomain(IrqDomain gic, PhysicalAddress start, ulong stride) : IrqDomain("per-cpu", gic, IrqDomainFlags.MsiParent)
{
    private uint _next = 32;

    public override IReadOnlyList<PhysicalAddress> Doorbells => [.. Enumerable.Range(0, 4).Select(DoorbellOf)];

    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        // Aligned, as one message for several vectors wants it.
        _next = (_next + 31) & ~31u;
        Result parent = AllocateParent(irqs, allocation with { Intid = _next });
        foreach (IrqData irq in irqs)
        {
            irq.Set(_next++, new Chip(this));
        }

        return parent;
    }

    protected override void OnFree(ReadOnlySpan<IrqData> irqs) => FreeParent(irqs);

    protected override Result OnActivate(IrqData irq)
    {
        if (irq.Descriptor.Affinity < 0)
        {
            irq.Descriptor.Affinity = 0;
        }

        return Result.Ok;
    }

    private PhysicalAddress DoorbellOf(int cpu) => start + ((ulong)cpu * stride) + 0x40;

    private sealed class Chip(DoorbellPerCpuDomain domain) : IrqChip
    {
        public override string Name => "per-cpu";

        public override ComposedMessage Compose(IrqData irq) => new(domain.DoorbellOf(Math.Max(0, irq.Descriptor.Affinity)), (uint)irq.HwIrq);

        public override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu)
        {
            Result<AffinityOutcome> parent = base.SetAffinity(irq, cpu);
            return parent.IsOk ? AffinityOutcome.Recompose : parent;
        }
    }
}
