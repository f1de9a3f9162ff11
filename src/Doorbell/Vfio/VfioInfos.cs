namespace Doorbell.Vfio;

/// <summary>A range of IOVAs, both ends inclusive.</summary>
public readonly record struct IovaRange(Iova First, Iova Last);

/// <summary>What VFIO_IOMMU_GET_INFO says (V2).</summary>
/// <param name="PageSizes">iova_pgsizes: bit n set, blocks of 2^n bytes.</param>
/// <param name="UsableRanges">The capability of usable IOVA ranges: the aperture with the reserved regions cut out.</param>
/// <param name="MappingsAvailable">The capability of DMA mappings still available.</param>
/// <param name="MsiRequirement">In the series' profile, where MSIs are translated: the window the user has to register. Null otherwise.</param>
public sealed record Type1Info(ulong PageSizes, IReadOnlyList<IovaRange> UsableRanges, uint MappingsAvailable, MsiRequirement? MsiRequirement = null)
{
    /// <summary>The migration capability: the largest dirty bitmap a call may ask for, bytes (2^31 pages).</summary>
    public const ulong MaxDirtyBitmapBytes = 1UL << 28;

    /// <summary>The migration capability: the page size of dirty bitmaps, bytes: the smallest of <see cref="PageSizes"/>.</summary>
    public ulong DirtyPageSize => PageSizes & (~PageSizes + 1);
}

/// <summary>What VFIO_DEVICE_GET_INFO says.</summary>
/// <param name="CanReset">VFIO_DEVICE_FLAGS_RESET.</param>
/// <param name="Regions">num_regions.</param>
/// <param name="Irqs">num_irqs.</param>
public readonly record struct VfioDeviceInfo(bool CanReset, uint Regions, uint Irqs);

/// <summary>What VFIO_DEVICE_GET_REGION_INFO says, without the offset, which the transport chooses.</summary>
/// <param name="Size">Bytes; 0 where the region is absent.</param>
/// <param name="Readable">VFIO_REGION_INFO_FLAG_READ.</param>
/// <param name="Writable">VFIO_REGION_INFO_FLAG_WRITE.</param>
/// <param name="Mappable">VFIO_REGION_INFO_FLAG_MMAP.</param>
/// <param name="MappableAreas">The capability SPARSE_MMAP: the parts that may be mapped. Null where all of it may, or none.</param>
/// <param name="MsiXMappable">The capability MSIX_MAPPABLE: the MSI-X table may be mapped with the rest.</param>
public readonly record struct VfioRegionInfo(
    ulong Size, bool Readable, bool Writable, bool Mappable = false, IReadOnlyList<VfioMappableArea>? MappableAreas = null, bool MsiXMappable = false);

/// <summary>A part of a region that may be mapped (struct vfio_region_sparse_mmap_area).</summary>
/// <param name="Offset">Bytes into the region.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct VfioMappableArea(ulong Offset, ulong Size);

/// <summary>What VFIO_DEVICE_GET_IRQ_INFO says.</summary>
public readonly record struct VfioIrqInfo(VfioIrqInfoFlags Flags, uint Count);

/// <summary>One function a bus reset would reach (struct vfio_pci_dependent_device).</summary>
/// <param name="Group">Its IOMMU group.</param>
/// <param name="Address">Where it is.</param>
public readonly record struct VfioDependentDevice(int Group, PciAddress Address);
