using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A remapped interrupt: its message is the index in the device's table and stays; where it goes is in the entry (M5).</summary>
internal sealed class AmdChip(AmdDomain domain) : RemappedChip(domain)
{
    public override string Name => "AMD-IR";

    public override ComposedMessage Compose(IrqData irq) => new(new PhysicalAddress(InterruptAddress.Base), (uint)irq.HwIrq);
}
