using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <content>Which CPU an interrupt goes to, whether it is taken there now, and where it waits meanwhile.</content>
/// <remarks>An interrupt's pending state goes where the interrupt goes, but for an LPI whose collection is mapped elsewhere: that one stays behind until MOVALL.</remarks>
public sealed partial class GicDomain
{
    private readonly Redistributor[] _redistributors;
    private bool _enabled = true;

    /// <summary>GICD_CTLR.EnableGrp1: off, nothing is taken by any CPU and what comes waits.</summary>
    public bool IsEnabled
    {
        get => Volatile.Read(ref _enabled);
        set
        {
            Volatile.Write(ref _enabled, value);
            foreach (Redistributor redistributor in _redistributors)
            {
                Reconsider(redistributor);
            }
        }
    }

    /// <summary>By CPU.</summary>
    public IReadOnlyList<Redistributor> Redistributors => _redistributors;

    /// <summary>True while an interrupt waits at a CPU's redistributor.</summary>
    public bool IsPendingAt(int cpu, uint intid)
    {
        using EngineLock.Scope held = Lock.Enter();
        return Find(intid) is { } irq && ((irq.Target == cpu && irq.IsPending) || _redistributors[cpu].LeftBehind.Contains(irq));
    }

    /// <summary>GICD_IPRIORITYRn: an SPI's priority; 0 is the highest. An LPI's is in its configuration.</summary>
    /// <returns>EINVAL: no SPI of this GIC that somebody holds.</returns>
    public Result SetSpiPriority(uint spi, byte priority)
    {
        using EngineLock.Scope held = Lock.Enter();
        if (!IsSpi(spi) || Find(spi) is not { } irq)
        {
            return Result.Fail(Errno.EINVAL, $"INTID {spi} is no SPI of {Name} that a device holds.");
        }

        irq.Priority = priority;
        Reconsider(irq);
        return Result.Ok;
    }

    /// <summary>The interrupt goes to this CPU from now on, and what waits goes along (GICD_IROUTERn, MOVI).</summary>
    internal void Route(IrqDescriptor irq, int cpu)
    {
        using EngineLock.Scope held = Lock.Enter();
        irq.Target = cpu;
        Reconsider(irq);
    }

    /// <summary>The LPI's collection goes to this CPU from now on; what waits stays where it is (MAPC).</summary>
    internal void RouteCollection(uint lpi, int cpu)
    {
        using EngineLock.Scope held = Lock.Enter();
        if (Find(lpi) is not { } irq || irq.Target == cpu)
        {
            return;
        }

        if (irq.ClearPending())
        {
            _redistributors[irq.Target].LeftBehind.Add(irq);
        }

        Route(irq, cpu);
    }

    /// <summary>MOVALL: what waits at one redistributor waits at the other.</summary>
    internal void MoveAll(int from, int to)
    {
        using EngineLock.Scope held = Lock.Enter();
        if (from == to)
        {
            return;
        }

        List<IrqDescriptor> moving = [.. _redistributors[from].LeftBehind];
        _redistributors[from].LeftBehind.Clear();
        moving.AddRange(_intids.All().Where(irq => irq.Target == from && IsLpi(irq.Intid) && irq.ClearPending()));
        foreach (IrqDescriptor irq in InOrder(moving))
        {
            if (irq.Target == to)
            {
                Tell(irq, irq.Raise() == IrqDelivery.Delivered);
            }
            else
            {
                _redistributors[to].LeftBehind.Add(irq);
                TakeLeftBehind(_redistributors[to], irq);
            }
        }
    }

    /// <summary>CLEAR, DISCARD: it waits nowhere any more.</summary>
    internal void ClearPending(IrqDescriptor irq)
    {
        using EngineLock.Scope held = Lock.Enter();
        irq.ClearPending();
        foreach (Redistributor redistributor in _redistributors)
        {
            redistributor.LeftBehind.Remove(irq);
        }
    }

    /// <summary>A CPU takes more or fewer interrupts than before: what it takes now and what waited is delivered, the highest priority first.</summary>
    internal void Reconsider(Redistributor redistributor)
    {
        using EngineLock.Scope held = Lock.Enter();
        foreach (IrqDescriptor irq in InOrder(_intids.All().Where(irq => irq.Target == redistributor.Cpu).Union(redistributor.LeftBehind)))
        {
            if (irq.Target == redistributor.Cpu)
            {
                Reconsider(irq);
            }

            TakeLeftBehind(redistributor, irq);
        }
    }

    internal void SetEnabled(IrqDescriptor irq, bool enabled)
    {
        using EngineLock.Scope held = Lock.Enter();
        Tell(irq, irq.SetEnabled(enabled));
        foreach (Redistributor redistributor in _redistributors)
        {
            TakeLeftBehind(redistributor, irq);
        }
    }

    private void Reconsider(IrqDescriptor irq) => Tell(irq, irq.SetHeld(!_redistributors[irq.Target].Takes(irq)));

    private void TakeLeftBehind(Redistributor redistributor, IrqDescriptor irq)
    {
        if (irq.IsEnabled && redistributor.LeftBehind.Contains(irq) && redistributor.Takes(irq))
        {
            redistributor.LeftBehind.Remove(irq);
            Tell(irq, irq.Deliver() == IrqDelivery.Delivered, redistributor.Cpu);
        }
    }

    private static IOrderedEnumerable<IrqDescriptor> InOrder(IEnumerable<IrqDescriptor> irqs) => irqs.OrderBy(static irq => irq.Priority).ThenBy(static irq => irq.Intid);

    private void Tell(IrqDescriptor irq, bool resumed, int? cpu = null)
    {
        if (resumed && _events is { IsEnabled: true })
        {
            _events.Emit(new IrqResumeEvent { Gic = Name, Intid = irq.Intid, Cpu = cpu ?? irq.Target, Device = irq.Requester.Name, Vector = irq.Vector });
        }
    }
}
