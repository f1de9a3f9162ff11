namespace Doorbell.Vfio;

/// <summary>struct vfio_iommu_type1_dma_map.flags.</summary>
[Flags]
public enum VfioMapFlags : uint
{
    /// <summary>Neither: refused.</summary>
    None = 0,

    /// <summary>VFIO_DMA_MAP_FLAG_READ: the device may read.</summary>
    Read = 1 << 0,

    /// <summary>VFIO_DMA_MAP_FLAG_WRITE: the device may write.</summary>
    Write = 1 << 1,

    /// <summary>VFIO_DMA_MAP_FLAG_VADDR: a new vaddr for a mapping that is there.</summary>
    Vaddr = 1 << 2,

    /// <summary>VFIO_DMA_MAP_FLAG_MSI_RESERVED_IOVA of the series (V1): the range is the window for doorbells. The bit is VADDR's; which it is the profile says (V6).</summary>
    MsiReservedIova = Vaddr,
}

/// <summary>struct vfio_iommu_type1_dma_unmap.flags.</summary>
[Flags]
public enum VfioUnmapFlags : uint
{
    /// <summary>A plain unmap.</summary>
    None = 0,

    /// <summary>VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP.</summary>
    GetDirtyBitmap = 1 << 0,

    /// <summary>VFIO_DMA_UNMAP_FLAG_ALL.</summary>
    All = 1 << 1,

    /// <summary>VFIO_DMA_UNMAP_FLAG_VADDR.</summary>
    Vaddr = 1 << 2,
}

/// <summary>struct vfio_iommu_type1_dirty_bitmap.flags.</summary>
[Flags]
public enum VfioDirtyFlags : uint
{
    /// <summary>None: refused.</summary>
    None = 0,

    /// <summary>VFIO_IOMMU_DIRTY_PAGES_FLAG_START.</summary>
    Start = 1 << 0,

    /// <summary>VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP.</summary>
    Stop = 1 << 1,

    /// <summary>VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP.</summary>
    GetBitmap = 1 << 2,
}

/// <summary>struct vfio_device_feature.flags, without the feature's number.</summary>
[Flags]
public enum VfioFeatureFlags : uint
{
    /// <summary>Nothing: refused.</summary>
    None = 0,

    /// <summary>VFIO_DEVICE_FEATURE_GET.</summary>
    Get = 1 << 16,

    /// <summary>VFIO_DEVICE_FEATURE_SET.</summary>
    Set = 1 << 17,

    /// <summary>VFIO_DEVICE_FEATURE_PROBE: whether the feature is there and can be got or set.</summary>
    Probe = 1 << 18,
}

/// <summary>struct vfio_group_status.flags.</summary>
[Flags]
public enum VfioGroupFlags : uint
{
    /// <summary>Neither.</summary>
    None = 0,

    /// <summary>VFIO_GROUP_FLAGS_VIABLE (V4).</summary>
    Viable = 1 << 0,

    /// <summary>VFIO_GROUP_FLAGS_CONTAINER_SET.</summary>
    ContainerSet = 1 << 1,
}

/// <summary>struct vfio_irq_info.flags.</summary>
[Flags]
public enum VfioIrqInfoFlags : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>VFIO_IRQ_INFO_EVENTFD.</summary>
    Eventfd = 1 << 0,

    /// <summary>VFIO_IRQ_INFO_MASKABLE.</summary>
    Maskable = 1 << 1,

    /// <summary>VFIO_IRQ_INFO_AUTOMASKED.</summary>
    Automasked = 1 << 2,

    /// <summary>VFIO_IRQ_INFO_NORESIZE: no vectors can be added after the first SET_IRQS.</summary>
    NoResize = 1 << 3,
}

/// <summary>struct vfio_irq_set.flags.</summary>
[Flags]
public enum VfioIrqSetFlags : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>VFIO_IRQ_SET_DATA_NONE.</summary>
    DataNone = 1 << 0,

    /// <summary>VFIO_IRQ_SET_DATA_BOOL: a byte a vector.</summary>
    DataBool = 1 << 1,

    /// <summary>VFIO_IRQ_SET_DATA_EVENTFD: an int a vector, -1 for none.</summary>
    DataEventfd = 1 << 2,

    /// <summary>VFIO_IRQ_SET_ACTION_MASK.</summary>
    ActionMask = 1 << 3,

    /// <summary>VFIO_IRQ_SET_ACTION_UNMASK.</summary>
    ActionUnmask = 1 << 4,

    /// <summary>VFIO_IRQ_SET_ACTION_TRIGGER.</summary>
    ActionTrigger = 1 << 5,

    /// <summary>All data types.</summary>
    DataAll = DataNone | DataBool | DataEventfd,

    /// <summary>All actions.</summary>
    ActionAll = ActionMask | ActionUnmask | ActionTrigger,
}
