namespace Doorbell.Vfio;

/// <summary>Numbers of VFIO_DEVICE_FEATURE that mean something here (linux/vfio.h).</summary>
public static class VfioFeature
{
    /// <summary>VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY.</summary>
    public const uint LowPowerEntry = 3;

    /// <summary>VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP.</summary>
    public const uint LowPowerEntryWithWakeup = 4;

    /// <summary>VFIO_DEVICE_FEATURE_LOW_POWER_EXIT.</summary>
    public const uint LowPowerExit = 5;
}
