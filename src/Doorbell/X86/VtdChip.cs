using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A remapped interrupt: its message names the entry and stays; where it goes is in the entry (M5).</summary>
internal sealed class VtdChip(VtdDomain domain) : RemappedChip(domain)
{
    public override string Name => "INTEL-IR";

    public override ComposedMessage Compose(IrqData irq)
    {
        uint handle = (uint)irq.ChipData!;
        return new(InterruptAddress.Handle(handle), (uint)irq.HwIrq - handle);
    }
}
