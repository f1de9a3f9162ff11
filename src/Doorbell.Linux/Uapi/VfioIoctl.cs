using System.Globalization;

namespace Doorbell.Linux.Uapi;

/// <summary>linux/vfio.h: ioctl numbers. VFIO uses _IO for all of them, so no size is in the number: structures carry argsz instead.</summary>
internal static class VfioIoctl
{
    internal const uint Type = ';';
    internal const uint Base = 100;

    private const uint First = (Type << 8) | Base;

    // Containers.
    internal const uint GetApiVersion = First + 0;
    internal const uint CheckExtension = First + 1;
    internal const uint SetIommu = First + 2;
    internal const uint IommuGetInfo = First + 12;
    internal const uint IommuMapDma = First + 13;
    internal const uint IommuUnmapDma = First + 14;
    internal const uint IommuEnable = First + 15;
    internal const uint IommuDisable = First + 16;
    internal const uint IommuDirtyPages = First + 17;

    // Groups.
    internal const uint GroupGetStatus = First + 3;
    internal const uint GroupSetContainer = First + 4;
    internal const uint GroupUnsetContainer = First + 5;
    internal const uint GroupGetDeviceFd = First + 6;

    // Devices. Numbers mean different things to different files: 112 and up overlap with the container's.
    internal const uint DeviceGetInfo = First + 7;
    internal const uint DeviceGetRegionInfo = First + 8;
    internal const uint DeviceGetIrqInfo = First + 9;
    internal const uint DeviceSetIrqs = First + 10;
    internal const uint DeviceReset = First + 11;
    internal const uint DeviceGetPciHotResetInfo = First + 12;
    internal const uint DevicePciHotReset = First + 13;
    internal const uint DeviceQueryGfxPlane = First + 14;
    internal const uint DeviceGetGfxDmabuf = First + 15;
    internal const uint DeviceIoEventFd = First + 16;
    internal const uint DeviceFeature = First + 17;
    internal const uint DeviceBindIommufd = First + 18;
    internal const uint DeviceAttachIommufdPt = First + 19;
    internal const uint DeviceDetachIommufdPt = First + 20;

    /// <summary>The name on a container.</summary>
    internal static string NameOnContainer(uint request) => request switch
    {
        GetApiVersion => "VFIO_GET_API_VERSION",
        CheckExtension => "VFIO_CHECK_EXTENSION",
        SetIommu => "VFIO_SET_IOMMU",
        IommuGetInfo => "VFIO_IOMMU_GET_INFO",
        IommuMapDma => "VFIO_IOMMU_MAP_DMA",
        IommuUnmapDma => "VFIO_IOMMU_UNMAP_DMA",
        IommuEnable => "VFIO_IOMMU_ENABLE",
        IommuDisable => "VFIO_IOMMU_DISABLE",
        IommuDirtyPages => "VFIO_IOMMU_DIRTY_PAGES",
        _ => NameOf(request),
    };

    /// <summary>The name on a group or a device.</summary>
    internal static string NameOf(uint request) => request switch
    {
        GetApiVersion => "VFIO_GET_API_VERSION",
        CheckExtension => "VFIO_CHECK_EXTENSION",
        SetIommu => "VFIO_SET_IOMMU",
        GroupGetStatus => "VFIO_GROUP_GET_STATUS",
        GroupSetContainer => "VFIO_GROUP_SET_CONTAINER",
        GroupUnsetContainer => "VFIO_GROUP_UNSET_CONTAINER",
        GroupGetDeviceFd => "VFIO_GROUP_GET_DEVICE_FD",
        DeviceGetInfo => "VFIO_DEVICE_GET_INFO",
        DeviceGetRegionInfo => "VFIO_DEVICE_GET_REGION_INFO",
        DeviceGetIrqInfo => "VFIO_DEVICE_GET_IRQ_INFO",
        DeviceSetIrqs => "VFIO_DEVICE_SET_IRQS",
        DeviceReset => "VFIO_DEVICE_RESET",
        DeviceGetPciHotResetInfo => "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO",
        DevicePciHotReset => "VFIO_DEVICE_PCI_HOT_RESET",
        DeviceQueryGfxPlane => "VFIO_DEVICE_QUERY_GFX_PLANE",
        DeviceGetGfxDmabuf => "VFIO_DEVICE_GET_GFX_DMABUF",
        DeviceIoEventFd => "VFIO_DEVICE_IOEVENTFD",
        DeviceFeature => "VFIO_DEVICE_FEATURE",
        DeviceBindIommufd => "VFIO_DEVICE_BIND_IOMMUFD",
        DeviceAttachIommufdPt => "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
        DeviceDetachIommufdPt => "VFIO_DEVICE_DETACH_IOMMUFD_PT",
        _ => string.Create(CultureInfo.InvariantCulture, $"ioctl 0x{request:x}"),
    };
}
