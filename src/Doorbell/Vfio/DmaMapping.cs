using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>One VFIO_IOMMU_MAP_DMA (the kernel's struct vfio_dma).</summary>
internal sealed record DmaMapping(Iova Iova, ulong Size, ulong VirtualAddress, IommuProtection Protection, ClientSpace Space)
{
    public Iova Last => Iova + (Size - 1);
}
