namespace Doorbell.Interrupts;

/// <summary>One level of the interrupt hierarchy (struct irq_domain): allocates its own numbers, then its parent's.</summary>
/// <remarks>
/// Control operations of one hierarchy exclude each other by its root's lock (domain->root->mutex). The outermost level's own part of
/// an activation is outside of it, since it maps doorbells. The data path does not come here.
/// </remarks>
public abstract class IrqDomain
{
    private int _lastNumber = 15;

    /// <summary>A level on top of <paramref name="parent"/>; null makes a root.</summary>
    protected IrqDomain(string name, IrqDomain? parent, IrqDomainFlags flags)
    {
        Name = name;
        Parent = parent;
        Flags = flags;
        Lock = parent?.Lock ?? new EngineLock("irq domains");
    }

    /// <summary>Name in events and sentences: <c>its@8080000</c>.</summary>
    public string Name { get; }

    /// <summary>The next level towards the CPU; null at the root.</summary>
    public IrqDomain? Parent { get; }

    /// <summary>What is true of this level.</summary>
    public IrqDomainFlags Flags { get; }

    /// <summary>The hierarchy's: the same at every level, and for all hierarchies on one root.</summary>
    internal EngineLock Lock { get; }

    /// <summary>True when this level or one below isolates MSIs by requester (msi_device_has_isolated_msi, M1).</summary>
    public bool HasIsolatedMsi
    {
        get
        {
            for (IrqDomain? domain = this; domain is not null; domain = domain.Parent)
            {
                if ((domain.Flags & IrqDomainFlags.IsolatedMsi) != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Every address this level's interrupts may be raised at: the doorbells of an MSI controller, a level above answers with its parent's. None where no device writes to a frame.</summary>
    public virtual IReadOnlyList<PhysicalAddress> Doorbells => Parent?.Doorbells ?? [];

    /// <summary>Those of <see cref="Doorbells"/> that a device's own interrupts are raised at; another address behind a pre-ITS, where each DeviceID has its word.</summary>
    public virtual IReadOnlyList<PhysicalAddress> DoorbellsOf(DeviceId device) => Doorbells;

    /// <summary>True where an interrupt can go to a CPU of its own; false where a level shares one among many.</summary>
    public virtual bool CanMove => Parent?.CanMove ?? true;

    /// <summary>True where a write raises interrupts of this level: at one of its <see cref="Doorbells"/>, or, where the address itself says which (x86), in their range.</summary>
    public virtual bool IsDoorbell(PhysicalAddress address) => Parent?.IsDoorbell(address) == true || Doorbells.Contains(address);

    /// <summary>Makes the controller ready for a device with up to <paramref name="count"/> interrupts (msi_prepare). ENOSPC or EINVAL; nothing is kept then.</summary>
    public virtual Result Prepare(IrqRequester requester, int count, out IrqDeviceContext? context)
    {
        if (Parent is not null)
        {
            using (Lock.Enter())
            {
                return Parent.Prepare(requester, count, out context);
            }
        }

        context = null;
        return Result.Ok;
    }

    /// <summary>Ends what <see cref="Prepare"/> began; the device's interrupts are freed already.</summary>
    public virtual void Unprepare(IrqDeviceContext? context)
    {
        using (Lock.Enter())
        {
            Parent?.Unprepare(context);
        }
    }

    /// <summary>Allocates consecutive vectors at every level, from here to the root; on failure everything is undone.</summary>
    public Result<IrqDescriptor[]> Allocate(in IrqAllocation allocation, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        IrqDomain root = this;
        while (root.Parent is not null)
        {
            root = root.Parent;
        }

        using EngineLock.Scope held = Lock.Enter();
        var irqs = new IrqDescriptor[count];
        var data = new IrqData[count];
        for (int i = 0; i < count; i++)
        {
            irqs[i] = new IrqDescriptor(++root._lastNumber, allocation.Requester, allocation.FirstVector + i, this);
            data[i] = irqs[i].Data;
        }

        Result result = OnAllocate(data, allocation);
        return result.IsOk ? irqs : result;
    }

    /// <summary>Gives back what one <see cref="Allocate"/> gave, whole. They are deactivated already.</summary>
    public void Free(IReadOnlyList<IrqDescriptor> irqs)
    {
        var data = new IrqData[irqs.Count];
        for (int i = 0; i < data.Length; i++)
        {
            if (irqs[i].IsActivated)
            {
                throw new InvalidOperationException($"{irqs[i]} is freed while active.");
            }

            data[i] = irqs[i].Data;
        }

        using (Lock.Enter())
        {
            OnFree(data);
        }
    }

    /// <summary>Activates every level, the root first; on failure the levels already active are undone.</summary>
    public static Result Activate(IrqDescriptor irq)
    {
        if (irq.IsActivated)
        {
            return Result.Ok;
        }

        Result result = Activate(irq.Data);
        irq.IsActivated = result.IsOk;
        return result;
    }

    /// <summary>Deactivates every level, the root last.</summary>
    public static void Deactivate(IrqDescriptor irq)
    {
        if (!irq.IsActivated)
        {
            return;
        }

        irq.Data.Domain.OnDeactivate(irq.Data);
        DeactivateBelow(irq.Data);
        irq.IsActivated = false;
    }

    /// <summary>Allocates this level's numbers and (by <see cref="AllocateParent"/>) the levels below, sets hwirq and chip. Undoes its own part when it fails.</summary>
    protected abstract Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation);

    /// <summary>Frees the levels below (by <see cref="FreeParent"/>), then this level's numbers.</summary>
    protected abstract void OnFree(ReadOnlySpan<IrqData> irqs);

    /// <summary>This level's part of an activation; the levels below are active already.</summary>
    protected virtual Result OnActivate(IrqData irq) => Result.Ok;

    /// <summary>This level's part of a deactivation; the levels below are active still.</summary>
    protected virtual void OnDeactivate(IrqData irq)
    {
    }

    /// <summary>At the root: whether, or to whom, one of its interrupts can be delivered has changed. What the data path reads must follow before this returns.</summary>
    protected internal virtual void OnDeliveryChanged(IrqDescriptor irq)
    {
    }

    /// <summary>The parent's <see cref="OnAllocate"/> for the same interrupts.</summary>
    protected Result AllocateParent(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation) =>
        Parent is null ? Result.Ok : Parent.OnAllocate(ParentData(irqs), allocation);

    /// <summary>The parent's <see cref="OnFree"/> for the same interrupts.</summary>
    protected void FreeParent(ReadOnlySpan<IrqData> irqs) => Parent?.OnFree(ParentData(irqs));

    private static Result Activate(IrqData data)
    {
        if (data.Parent is not null)
        {
            using EngineLock.Scope held = data.Domain.Lock.Enter();
            Result parent = Activate(data.Parent);
            if (!parent.IsOk)
            {
                return parent;
            }
        }

        Result own = data.Domain.OnActivate(data);
        if (!own.IsOk)
        {
            DeactivateBelow(data);
        }

        return own;
    }

    private static void DeactivateBelow(IrqData data)
    {
        using EngineLock.Scope held = data.Domain.Lock.Enter();
        for (IrqData? below = data.Parent; below is not null; below = below.Parent)
        {
            below.Domain.OnDeactivate(below);
        }
    }

    private static IrqData[] ParentData(ReadOnlySpan<IrqData> irqs)
    {
        var data = new IrqData[irqs.Length];
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = irqs[i].Parent ?? throw new InvalidOperationException($"{irqs[i].Descriptor} has no level below {irqs[i].Domain.Name}.");
        }

        return data;
    }
}
