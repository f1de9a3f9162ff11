namespace Doorbell.Vfio;

/// <summary>Numbers of VFIO_DEVICE_FEATURE that mean something to vfio-pci (linux/vfio.h). Numbers beyond are answered as features that a device does not have.</summary>
public static class VfioFeature
{
    /// <summary>VFIO_DEVICE_FEATURE_PCI_VF_TOKEN: the secret that openers of a virtual function must know; asked of its physical function.</summary>
    public const uint PciVfToken = 0;

    /// <summary>VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY.</summary>
    public const uint LowPowerEntry = 3;

    /// <summary>VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP.</summary>
    public const uint LowPowerEntryWithWakeup = 4;

    /// <summary>VFIO_DEVICE_FEATURE_LOW_POWER_EXIT.</summary>
    public const uint LowPowerExit = 5;

    /// <summary>VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 (Linux 7.1 on): the one that a device without migration answers EINVAL, not ENOTTY.</summary>
    public const uint MigrationPrecopyInfoV2 = 12;
}
