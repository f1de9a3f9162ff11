namespace Doorbell.Interrupts;

/// <summary>The operations of one level on one interrupt (struct irq_chip). What a level does not do itself it passes to its parent.</summary>
public abstract class IrqChip
{
    /// <summary>Name in traces: <c>ITS</c>, <c>GICv3</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Keeps it from arriving; one that comes meanwhile waits.</summary>
    public virtual void Mask(IrqData irq)
    {
        if (irq.Parent is { } parent)
        {
            using EngineLock.Scope held = parent.Domain.Lock.Enter();
            Of(parent).Mask(parent);
        }
    }

    /// <summary>Lets it arrive, one that waited included.</summary>
    public virtual void Unmask(IrqData irq)
    {
        if (irq.Parent is { } parent)
        {
            using EngineLock.Scope held = parent.Domain.Lock.Enter();
            Of(parent).Unmask(parent);
        }
    }

    /// <summary>Moves it to a CPU.</summary>
    /// <remarks>
    /// EINVAL for a CPU the machine does not have; nothing has changed then. A controller whose message depends on the
    /// CPU gives the previous message again when the previous CPU is set right after a change: the way back of M5.
    /// </remarks>
    public virtual Result<AffinityOutcome> SetAffinity(IrqData irq, int cpu)
    {
        if (irq.Parent is not { } parent)
        {
            return Result.Fail(Errno.EINVAL, $"{irq.Domain.Name} cannot move {irq.Descriptor} to a CPU.");
        }

        using EngineLock.Scope held = parent.Domain.Lock.Enter();
        return Of(parent).SetAffinity(parent, cpu);
    }

    /// <summary>The write that raises it (irq_compose_msi_msg); it is a bug to ask a hierarchy without an MSI controller.</summary>
    public virtual ComposedMessage Compose(IrqData irq) =>
        irq.Parent is { } parent
            ? Of(parent).Compose(parent)
            : throw new InvalidOperationException($"{irq.Domain.Name} has no doorbell.");

    private static IrqChip Of(IrqData data) =>
        data.Chip ?? throw new InvalidOperationException($"{data.Descriptor} has no chip at {data.Domain.Name}: it is not allocated.");
}
