using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A vector of a CPU as its message says it. Without remapping the message is the destination, so that a move changes it (M5).</summary>
internal sealed class ApicChip(ApicDomain apic) : IrqChip
{
    public override string Name => "APIC";

    public override void Mask(IrqData irq) => apic.SetEnabled(irq.Descriptor, false);

    public override void Unmask(IrqData irq) => apic.SetEnabled(irq.Descriptor, true);

    public override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu) => apic.Move(irq, cpu);

    public override ComposedMessage Compose(IrqData irq)
    {
        (int cpu, byte vector) = ((ApicVector)irq.ChipData!).Current;
        return new(InterruptAddress.Compatible(cpu), vector);
    }
}
