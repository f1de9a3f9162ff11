using Doorbell.Interrupts;

namespace Doorbell.SocMsi;

/// <summary>One MSI of such a controller: its own mask and message; its CPU is the SPI's it shares, so that it cannot be moved (Linux: EINVAL).</summary>
internal sealed class SocMsiChip(SocMsiFrame frame) : IrqChip
{
    public override string Name => frame.Name;

    public override void Mask(IrqData irq) => irq.Descriptor.SetEnabled(false);

    public override void Unmask(IrqData irq) => irq.Descriptor.SetEnabled(true);

    public override ComposedMessage Compose(IrqData irq) => new(frame.Doorbell, (uint)irq.HwIrq);
}
