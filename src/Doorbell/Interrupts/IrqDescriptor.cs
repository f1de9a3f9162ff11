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

    private readonly IrqData _root;
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

        _root = root;
    }

    /// <summary>Number in events, unique in the machine (virq).</summary>
    public int Number { get; }

    /// <summary>Whose it is.</summary>
    public IrqRequester Requester { get; }

    /// <summary>The device's vector index.</summary>
    public int Vector { get; }

    /// <summary>The outermost level (the one that writes messages); its parents lead to the root.</summary>
    public IrqData Data { get; }

    /// <summary>The INTID: the number at the root.</summary>
    public uint Intid => (uint)_root.HwIrq;

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
            _root.Domain.OnDeliveryChanged(this);
        }
    }

    /// <summary>Enabled at the controller.</summary>
    public bool IsEnabled => (Volatile.Read(ref _state) & Enabled) != 0;

    /// <summary>Waiting at the controller.</summary>
    public bool IsPending => (Volatile.Read(ref _state) & PendingBit) != 0;

    /// <summary>The interrupt arrives. Neither locks nor allocates; safe against concurrent <see cref="SetEnabled"/>.</summary>
    public IrqDelivery Raise() => (Volatile.Read(ref _state) & Enabled) != 0 ? Run() : RaiseDisabled();

    /// <summary>The controller enables or disables it; one that waits is delivered when it is enabled. True when one was.</summary>
    public bool SetEnabled(bool enabled)
    {
        if (!enabled)
        {
            Interlocked.And(ref _state, ~Enabled);
            _root.Domain.OnDeliveryChanged(this);
            return false;
        }

        int before = Interlocked.Or(ref _state, Enabled);
        _root.Domain.OnDeliveryChanged(this);
        return (before & PendingBit) != 0 && TakePending() && Run() == IrqDelivery.Delivered;
    }

    /// <summary>The controller forgets one that waits (CLEAR, DISCARD).</summary>
    public void ClearPending() => Interlocked.And(ref _state, ~PendingBit);

    /// <summary>The interrupt arrives and was disabled a moment ago.</summary>
    internal IrqDelivery RaiseDisabled()
    {
        // Set pending first, then look again: whichever of this and SetEnabled comes second finds both bits and takes
        // the interrupt, so none is lost and none is delivered twice.
        int before = Interlocked.Or(ref _state, PendingBit);
        return (before & Enabled) != 0 && TakePending() ? Run() : IrqDelivery.Pending;
    }

    private bool TakePending() => (Interlocked.And(ref _state, ~PendingBit) & PendingBit) != 0;

    private IrqDelivery Run()
    {
        IInterruptHandler? handler = Volatile.Read(ref _handler);
        if (handler is null)
        {
            return IrqDelivery.NoHandler;
        }

        handler.Handle(Vector);
        return IrqDelivery.Delivered;
    }

    private IrqData Build(IrqDomain domain) => new(this, domain, domain.Parent is null ? null : Build(domain.Parent));

    /// <inheritdoc/>
    public override string ToString() => $"irq {Number} ({Requester.Name} vector {Vector})";
}
