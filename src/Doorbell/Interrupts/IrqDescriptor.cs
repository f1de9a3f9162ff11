namespace Doorbell.Interrupts;

/// <summary>
/// One allocated interrupt (struct irq_desc): its number, its levels, its handler, and the enable and pending state the
/// controller keeps for its INTID.
/// </summary>
/// <remarks>
/// A descriptor belongs to one vector of one device for its whole life and is never handed to another. The state lives
/// here and not in a table by INTID, so that a write still in flight when the INTID changes hands can leave nothing
/// behind for the next owner (N4).
/// </remarks>
public sealed class IrqDescriptor
{
    /// <summary>No CPU chosen yet.</summary>
    public const int NoAffinity = -1;

    private const int Enabled = 1;
    private const int PendingBit = 2;
    private const int Held = 4;

    private IInterruptHandler? _handler;
    private int _state;
    private int _affinity = NoAffinity;

    internal IrqDescriptor(int number, IrqRequester requester, int vector, IrqDomain outermost)
    {
        Number = number;
        Requester = requester;
        Vector = vector;
        Data = Build(outermost);
        IrqData root = Data;
        while (root.Parent is { } parent)
        {
            root = parent;
        }

        Root = root;
    }

    /// <summary>Its data at the innermost level, the CPUs' own controller.</summary>
    internal IrqData Root { get; }

    /// <summary>Number in events, unique in the machine (virq).</summary>
    public int Number { get; }

    /// <summary>Whose it is.</summary>
    public IrqRequester Requester { get; }

    /// <summary>The device's vector index.</summary>
    public int Vector { get; }

    /// <summary>The outermost level (the one that writes messages); its parents lead to the root.</summary>
    public IrqData Data { get; }

    /// <summary>The INTID: the number at the root.</summary>
    public uint Intid => (uint)Root.HwIrq;

    /// <summary>The CPU it goes to; <see cref="NoAffinity"/> before the controller chose one. The controller's to set; others ask <see cref="IrqChip.SetAffinity"/>.</summary>
    public int Affinity
    {
        get => Volatile.Read(ref _affinity);
        set => Volatile.Write(ref _affinity, value);
    }

    /// <summary>True between activation and deactivation: the controller knows it, the device may hold its message.</summary>
    public bool IsActivated { get; internal set; }

    /// <summary>The requested handler, or null.</summary>
    public IInterruptHandler? Handler
    {
        get => Volatile.Read(ref _handler);
        internal set
        {
            Volatile.Write(ref _handler, value);
            Root.Domain.OnDeliveryChanged(this);
        }
    }

    /// <summary>Enabled at the controller.</summary>
    public bool IsEnabled => (Volatile.Read(ref _state) & Enabled) != 0;

    /// <summary>Enabled, and the CPU it goes to takes it: it is delivered the moment it arrives.</summary>
    public bool IsDeliverable => (Volatile.Read(ref _state) & (Enabled | Held)) == Enabled;

    /// <summary>Its priority at the controller: 0 is the highest.</summary>
    public byte Priority { get; internal set; }

    /// <summary>The CPU the controller sends it to, whatever <see cref="Affinity"/> was asked for: behind an ITS its collection's.</summary>
    public int Target { get; internal set; }

    /// <summary>Waiting at the controller.</summary>
    public bool IsPending => (Volatile.Read(ref _state) & PendingBit) != 0;

    /// <summary>The interrupt arrives. Neither locks nor allocates; safe against concurrent <see cref="SetEnabled"/>.</summary>
    public IrqDelivery Raise() => IsDeliverable ? Deliver() : RaiseDisabled();

    /// <summary>The controller enables or disables it; one that waits is delivered when it can be. True when one was.</summary>
    public bool SetEnabled(bool enabled) => Change(enabled ? Enabled : 0, enabled ? 0 : Enabled);

    /// <summary>The CPU it goes to does not take it now, or takes it again; one that waits is delivered when it can be. True when one was.</summary>
    internal bool SetHeld(bool held) => Change(held ? Held : 0, held ? 0 : Held);

    /// <summary>The controller forgets one that waits (CLEAR, DISCARD). True when there was one.</summary>
    public bool ClearPending() => TakePending();

    /// <summary>The interrupt arrives and could not be delivered a moment ago.</summary>
    internal IrqDelivery RaiseDisabled()
    {
        // Set pending first, then look again: whichever of this and Change comes second finds the interrupt and takes it,
        // so none is lost and none is delivered twice.
        int before = Interlocked.Or(ref _state, PendingBit);
        return (before & (Enabled | Held)) == Enabled && TakePending() ? Deliver() : IrqDelivery.Pending;
    }

    /// <summary>Runs the handler.</summary>
    internal IrqDelivery Deliver()
    {
        IInterruptHandler? handler = Volatile.Read(ref _handler);
        if (handler is null)
        {
            return IrqDelivery.NoHandler;
        }

        handler.Handle(Vector);
        return IrqDelivery.Delivered;
    }

    private bool Change(int set, int clear)
    {
        int before = set != 0 ? Interlocked.Or(ref _state, set) : Interlocked.And(ref _state, ~clear);
        int after = (before | set) & ~clear;
        if (after == before)
        {
            return false;
        }

        Root.Domain.OnDeliveryChanged(this);
        return (after & (Enabled | Held | PendingBit)) == (Enabled | PendingBit) && TakePending() && Deliver() == IrqDelivery.Delivered;
    }

    private bool TakePending() => (Interlocked.And(ref _state, ~PendingBit) & PendingBit) != 0;

    private IrqData Build(IrqDomain domain) => new(this, domain, domain.Parent is null ? null : Build(domain.Parent));

    /// <inheritdoc/>
    public override string ToString() => $"irq {Number} ({Requester.Name} vector {Vector})";
}
