namespace Doorbell.Vfio;

/// <content>VFIO_DEVICE_FEATURE.</content>
public sealed partial class VfioDevice
{
    private bool _isLowPower;

    /// <summary>
    /// VFIO_DEVICE_FEATURE. In low power (the runtime suspend of vfio-pci) BARs answer EIO until the device leaves it. ENOTTY: a feature this host does not
    /// have (VF tokens, migration, DMA logging, dma-bufs); EINVAL: unknown flags, GET and SET at once or neither, or one the feature does not know.
    /// </summary>
    /// <param name="flags">PROBE asks what there is; GET and SET do it.</param>
    /// <param name="feature">Its number: <see cref="VfioFeature"/>.</param>
    public Result Feature(VfioFeatureFlags flags, uint feature)
    {
        const string Operation = "VFIO_DEVICE_FEATURE";
        const VfioFeatureFlags Both = VfioFeatureFlags.Get | VfioFeatureFlags.Set;
        bool isProbe = (flags & VfioFeatureFlags.Probe) != 0;
        if ((flags & ~(Both | VfioFeatureFlags.Probe)) != 0 || (!isProbe && (flags & Both) == Both))
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name}: flags 0x{(uint)flags:x} are not GET, SET or either with PROBE");
        }

        if (feature is not (VfioFeature.LowPowerEntry or VfioFeature.LowPowerEntryWithWakeup or VfioFeature.LowPowerExit))
        {
            // Programs ask to find out: no refusal worth telling a person.
            return Result.Fail(Errno.ENOTTY, $"{Name} has no feature {feature}");
        }

        if ((flags & VfioFeatureFlags.Get) != 0 || (!isProbe && (flags & VfioFeatureFlags.Set) == 0))
        {
            return Result.Fail(Errno.EINVAL, $"{Name}: feature {feature} can only be set");
        }

        if (isProbe)
        {
            return Result.Ok;
        }

        bool enters = feature != VfioFeature.LowPowerExit;
        if (enters && _isLowPower)
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name} is in low power already");
        }

        _isLowPower = enters;
        return Result.Ok;
    }
}
