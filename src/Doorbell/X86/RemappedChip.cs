using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A remapped interrupt: its message names the entry and stays; where it goes is in the entry (M5).</summary>
internal abstract class RemappedChip(RemappingDomain domain) : IrqChip
{
    public sealed override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu)
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
}
