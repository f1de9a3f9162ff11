using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A remapped interrupt: its message is the index in the device's table and stays; where it goes is in the entry (M5).</summary>
internal sealed class AmdChip(AmdDomain domain) : IrqChip
{
    public override string Name => "AMD-IR";

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

    public override ComposedMessage Compose(IrqData irq) => new(new PhysicalAddress(InterruptAddress.Base), (uint)irq.HwIrq);
}
