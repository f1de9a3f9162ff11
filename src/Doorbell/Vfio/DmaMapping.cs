using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>One VFIO_IOMMU_MAP_DMA of memory (the kernel's struct vfio_dma).</summary>
internal sealed record DmaMapping(Iova Iova, ulong Size, ulong VirtualAddress, IommuProtection Protection, ClientSpace Space) : IovaSlot(Iova, Size)
{
    /// <summary>UNMAP_DMA with VADDR: the client is about to say where the memory is from now on.</summary>
    public bool IsVaddrInvalid { get; set; }
}
