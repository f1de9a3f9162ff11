using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>SPIs at the distributor: GICD_ISENABLER, GICD_ICENABLER and the routing register. LPIs are the ITS's business.</summary>
internal sealed class GicChip(GicDomain gic) : IrqChip
{
    public override string Name => gic.Name;

    public override void Mask(IrqData irq) => gic.SetEnabled(irq.Descriptor, false);

    public override void Unmask(IrqData irq) => gic.SetEnabled(irq.Descriptor, true);

    public override Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu)
    {
        if ((uint)cpu >= (uint)gic.Cpus)
        {
            return Result.Fail(Errno.EINVAL, $"{gic.Name} has no CPU {cpu}: {gic.Cpus} are described.");
        }

        irq.Descriptor.Affinity = cpu;
        gic.Route(irq.Descriptor, cpu);
        return AffinityOutcome.Done;
    }
}
