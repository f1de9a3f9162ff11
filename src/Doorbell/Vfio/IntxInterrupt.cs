using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <summary>INTx through an eventfd: level in, one signal out, masked by itself until the user unmasks, by a call or by an eventfd of his (resample).</summary>
/// <remarks>The line may change on a device's own thread: what is armed and masked is decided under a lock, under which no function is accessed.</remarks>
internal sealed class IntxInterrupt(PciFunction function) : IIntxSink
{
    private readonly Lock _lock = new();
    private IEventTrigger? _trigger;
    private IEventTrigger? _unmask;
    private bool _isMasked;
    private bool _isDisabledByUser;

    public bool IsEnabled { get; private set; }

    public void Attach() => function.IntxSink = this;

    public void Detach()
    {
        if (function.IntxSink == this)
        {
            function.IntxSink = null;
        }
    }

    /// <summary>Arms, or with null lets go of the eventfd while the index stays in use.</summary>
    public void Enable(IEventTrigger? trigger)
    {
        IEventTrigger? before;
        lock (_lock)
        {
            before = _trigger;
            _trigger = trigger;
            if (!IsEnabled)
            {
                IsEnabled = true;
                _isMasked = _isDisabledByUser;
            }
        }

        before?.Release();
        Refresh();
    }

    public void Disable()
    {
        IEventTrigger? before;
        lock (_lock)
        {
            before = _trigger;
            IsEnabled = false;
            _trigger = null;
            _isMasked = false;
        }

        SetUnmask(null);
        before?.Release();
    }

    /// <summary>From now on a signal of the eventfd unmasks, as <see cref="SetMask"/> does; null: none does. EBUSY: one does already.</summary>
    public Errno SetUnmask(IEventTrigger? trigger)
    {
        if (trigger is null)
        {
            _unmask?.Release();
            _unmask = null;
            return Errno.None;
        }

        Errno defect = trigger.Defect != Errno.None ? trigger.Defect
            : trigger is not IEventSource ? Errno.EINVAL
            : _unmask is not null ? Errno.EBUSY
            : ((IEventSource)trigger).Listen(() => SetMask(false));
        if (defect == Errno.None)
        {
            _unmask = trigger;
        }

        return defect;
    }

    /// <summary>Masks or unmasks; while the user's interrupt disable bit is set it stays masked.</summary>
    public void SetMask(bool masked)
    {
        lock (_lock)
        {
            _isMasked = masked || _isDisabledByUser;
        }

        Refresh();
    }

    /// <summary>The user's interrupt disable bit acts as a mask.</summary>
    public void SetUserDisable(bool disable)
    {
        if (disable == _isDisabledByUser)
        {
            return;
        }

        // The device's own bit follows, armed or not.
        _isDisabledByUser = disable;
        function.SetCommand(disable ? function.Command | PciCommand.InterruptDisable : function.Command & ~PciCommand.InterruptDisable);
        if (IsEnabled)
        {
            SetMask(disable);
        }
    }

    /// <summary>Loopback: as if the function had interrupted, which it cannot while the user has disabled it.</summary>
    public void Signal()
    {
        if (!_isDisabledByUser)
        {
            _trigger?.Signal();
        }
    }

    public void OnIntxChanged(PciFunction function) => Refresh();

    /// <summary>Asserted and not masked: signal once and mask, as the kernel's handler does for a level interrupt.</summary>
    public void Refresh()
    {
        IEventTrigger? trigger = null;
        lock (_lock)
        {
            if (IsEnabled && !_isMasked && function.IsIntxAsserted)
            {
                _isMasked = true;
                trigger = _trigger;
            }
        }

        trigger?.Signal();
    }
}
