namespace Doorbell.Vfio;

/// <content>VFIO_DEVICE_FEATURE.</content>
public sealed partial class VfioDevice
{
    private const string FeatureOperation = "VFIO_DEVICE_FEATURE";
    private const int TokenSize = 16; // uuid_t
    private const int WakeupSize = 8; // struct vfio_device_low_power_entry_with_wakeup: an eventfd, and reserved

    private bool _isLowPower;
    private IEventTrigger? _wakeup;

    /// <summary>
    /// VFIO_DEVICE_FEATURE's header: the bytes of data that the kernel reads next; 0 also for a PROBE, which it only answers. ENOTTY: a feature this
    /// device does not have; EINVAL: unknown flags, GET and SET at once or neither, one the feature does not know, or too little data.
    /// </summary>
    /// <param name="flags">PROBE asks what there is; GET and SET do it.</param>
    /// <param name="feature">Its number: <see cref="VfioFeature"/>.</param>
    /// <param name="room">Bytes that the caller says there are behind the header (argsz).</param>
    public Result<int> GetFeatureDataSize(VfioFeatureFlags flags, uint feature, uint room)
    {
        const VfioFeatureFlags Both = VfioFeatureFlags.Get | VfioFeatureFlags.Set;
        bool isProbe = (flags & VfioFeatureFlags.Probe) != 0;
        if ((flags & ~(Both | VfioFeatureFlags.Probe)) != 0 || (!isProbe && (flags & Both) == Both))
        {
            return _host.Refuse(FeatureOperation, Name, Errno.EINVAL, null, $"{Name}: flags 0x{(uint)flags:x} are not GET, SET or either with PROBE");
        }

        // Programs ask to find out: no refusal worth telling a person.
        int size;
        switch (feature)
        {
            case VfioFeature.PciVfToken when Device.HasVirtualFunctions:
                size = TokenSize;
                break;
            case VfioFeature.LowPowerEntry or VfioFeature.LowPowerExit:
                size = 0;
                break;
            case VfioFeature.LowPowerEntryWithWakeup:
                size = WakeupSize;
                break;
            case VfioFeature.MigrationPrecopyInfoV2:
                return Result.Fail(Errno.EINVAL, $"{Name} does not migrate");
            default:
                return Result.Fail(Errno.ENOTTY, $"{Name} has no feature {feature}");
        }

        // vfio_check_feature: every feature of vfio-pci that is served here can only be set.
        return (flags & VfioFeatureFlags.Get) != 0 || (!isProbe && (flags & VfioFeatureFlags.Set) == 0) ? Result.Fail(Errno.EINVAL, $"{Name}: feature {feature} can only be set")
            : isProbe ? 0
            : room < size ? Result.Fail(Errno.EINVAL, $"{Name}: feature {feature} has {size} bytes of data, argsz leaves {room}")
            : size;
    }

    /// <summary>
    /// VFIO_DEVICE_FEATURE. In low power (the runtime suspend of vfio-pci) the device sleeps between accesses; one entered with a wake-up ends, and tells
    /// so, with the next access. A token replaces the one that openers of virtual functions must know. Errors as <see cref="GetFeatureDataSize"/>, and
    /// EINVAL: in low power already, or no wake-up is named; the wake-up's own defect.
    /// </summary>
    /// <param name="flags">PROBE asks what there is; GET and SET do it.</param>
    /// <param name="feature">Its number: <see cref="VfioFeature"/>.</param>
    /// <param name="data">What is behind the header: as many bytes as <see cref="GetFeatureDataSize"/> says, or more.</param>
    /// <param name="wakeup">LOW_POWER_ENTRY_WITH_WAKEUP: what is signalled when the device wakes; null where a negative descriptor is named. The call owns it, on failure too.</param>
    public Result Feature(VfioFeatureFlags flags, uint feature, ReadOnlySpan<byte> data = default, IEventTrigger? wakeup = null)
    {
        Result<int> size = GetFeatureDataSize(flags, feature, (uint)data.Length);
        Result done = !size.IsOk || (flags & VfioFeatureFlags.Probe) != 0 ? size.WithoutValue : Set(feature, data, wakeup);
        if (wakeup is not null && _wakeup != wakeup)
        {
            wakeup.Release();
        }

        return done;
    }

    private Result Set(uint feature, ReadOnlySpan<byte> data, IEventTrigger? wakeup)
    {
        switch (feature)
        {
            case VfioFeature.PciVfToken:
                Device.VfToken = new Guid(data[..TokenSize], bigEndian: true);
                return Result.Ok;
            case VfioFeature.LowPowerExit:
                LeaveLowPower();
                return Result.Ok;
            case VfioFeature.LowPowerEntryWithWakeup when wakeup is null:
                return _host.Refuse(FeatureOperation, Name, Errno.EINVAL, null, $"{Name}: no eventfd is named that should hear of the wake-up");
            case VfioFeature.LowPowerEntryWithWakeup when wakeup.Defect != Errno.None:
                return _host.Refuse(FeatureOperation, Name, wakeup.Defect, null, $"{Name}: what should hear of the wake-up is not an eventfd");
        }

        if (_isLowPower)
        {
            return _host.Refuse(FeatureOperation, Name, Errno.EINVAL, null, $"{Name} is in low power already");
        }

        _isLowPower = true;
        _wakeup = wakeup;
        return Result.Ok;
    }

    /// <summary>An access to the device, a call or a region's: it wakes for it. From a sleep with a wake-up it does not go back (vfio_pci_core_runtime_resume).</summary>
    public void Wake()
    {
        if (_wakeup is { } wakeup)
        {
            wakeup.Signal();
            LeaveLowPower();
        }
    }

    private void LeaveLowPower()
    {
        _isLowPower = false;
        _wakeup?.Release();
        _wakeup = null;
    }
}
