using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <summary>INTx through an eventfd: level in, one signal out, masked by itself until the user unmasks.</summary>
internal sealed class IntxInterrupt(PciFunction function) : IIntxSink
{
    private IEventTrigger? _trigger;
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
        _trigger?.Release();
        _trigger = trigger;
        if (!IsEnabled)
        {
            IsEnabled = true;
            _isMasked = _isDisabledByUser;
        }

        Refresh();
    }

    public void Disable()
    {
        IsEnabled = false;
        _trigger?.Release();
        _trigger = null;
        _isMasked = false;
    }

    /// <summary>Masks or unmasks; while the user's interrupt disable bit is set it stays masked.</summary>
    public void SetMask(bool masked)
    {
        _isMasked = masked || _isDisabledByUser;
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
        if (IsEnabled && !_isMasked && function.IsIntxAsserted)
        {
            _isMasked = true;
            _trigger?.Signal();
        }
    }
}
