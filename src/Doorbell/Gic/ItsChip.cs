using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>LPIs as the ITS's driver handles them: the configuration table and INV, MOVI, the doorbell.</summary>
internal sealed class ItsChip(ItsDomain domain) : IrqChip
{
    public override string Name => "ITS";

    public override void Mask(IrqData irq) => domain.Configure(irq, enabled: false);

    public override void Unmask(IrqData irq) => domain.Configure(irq, enabled: true);

    public override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu)
    {
        Result moved = domain.Move(irq, cpu);
        return moved.IsOk ? AffinityOutcome.Done : moved;
    }

    public override ComposedMessage Compose(IrqData irq) => new(domain.DoorbellOf(irq), ItsDomain.EventOf(irq).Value);
}
