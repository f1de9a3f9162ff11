namespace Doorbell.Vfio;

/// <summary>IOMMU types and extensions of linux/vfio.h: one number space, as there.</summary>
public static class VfioIommuType
{
    /// <summary>VFIO_TYPE1_IOMMU.</summary>
    public const uint Type1 = 1;

    /// <summary>VFIO_TYPE1v2_IOMMU.</summary>
    public const uint Type1v2 = 3;

    /// <summary>VFIO_DMA_CC_IOMMU: an extension, not a type.</summary>
    public const uint DmaCacheCoherent = 4;

    /// <summary>VFIO_NOIOMMU_IOMMU: no translation, no mappings.</summary>
    public const uint NoIommu = 8;

    /// <summary>VFIO_UNMAP_ALL: an extension, not a type.</summary>
    public const uint UnmapAll = 9;

    /// <summary>VFIO_UPDATE_VADDR: an extension, not a type.</summary>
    public const uint UpdateVaddr = 10;
}
