using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>A v2m frame's part: the message. Masking and affinity are the distributor's.</summary>
internal sealed class GicV2mChip : IrqChip
{
    public override string Name => "GICv2m";

    public override ComposedMessage Compose(IrqData irq) => new(((GicV2mFrame)irq.ChipData!).Doorbell, (uint)irq.HwIrq);
}
