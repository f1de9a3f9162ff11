using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A remapped interrupt: its message names the entry and stays; where it goes is in the entry (M5).</summary>
internal sealed class VtdChip(VtdDomain domain) : IrqChip
{
    public override string Name => "INTEL-IR";

    public override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu)
    {
        Result<AffinityOutcome> moved = base.SetAffinity(irq, cpu);
        if (!moved.IsOk)
        {
            return moved;
        }

        if (irq.Descriptor.IsActivated && moved.Value == AffinityOutcome.Recompose)
        {
            domain.Program(irq);
        }

        return AffinityOutcome.Done;
    }

    public override ComposedMessage Compose(IrqData irq)
    {
        uint handle = (uint)irq.ChipData!;
        return new(InterruptAddress.Handle(handle), (uint)irq.HwIrq - handle);
    }
}
