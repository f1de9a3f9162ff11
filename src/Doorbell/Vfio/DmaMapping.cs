using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>One VFIO_IOMMU_MAP_DMA of memory (the kernel's struct vfio_dma).</summary>
internal sealed record DmaMapping(Iova Iova, ulong Size, ulong VirtualAddress, IommuProtection Protection, ClientSpace Space) : IovaSlot(Iova, Size);
