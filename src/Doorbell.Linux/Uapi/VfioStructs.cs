using System.Runtime.InteropServices;

namespace Doorbell.Linux.Uapi;

// linux/vfio.h, as the kernel lays them out on 64-bit machines. A test compares sizes and offsets with the system's header.

/// <summary>struct vfio_group_status.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioGroupStatus
{
    internal uint Argsz;
    internal uint Flags;
}

/// <summary>struct vfio_device_info.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDeviceInfoArgs
{
    internal const uint FlagReset = 1 << 0;
    internal const uint FlagPci = 1 << 1;

    internal uint Argsz;
    internal uint Flags;
    internal uint NumRegions;
    internal uint NumIrqs;
    internal uint CapOffset;
    internal uint Pad;
}

/// <summary>struct vfio_region_info.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioRegionInfoArgs
{
    internal const uint FlagRead = 1 << 0;
    internal const uint FlagWrite = 1 << 1;
    internal const uint FlagMmap = 1 << 2;
    internal const uint FlagCaps = 1 << 3;

    internal uint Argsz;
    internal uint Flags;
    internal uint Index;
    internal uint CapOffset;
    internal ulong Size;
    internal ulong Offset;
}

/// <summary>struct vfio_irq_info.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioIrqInfoArgs
{
    internal uint Argsz;
    internal uint Flags;
    internal uint Index;
    internal uint Count;
}

/// <summary>struct vfio_irq_set, without its data.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioIrqSetArgs
{
    internal uint Argsz;
    internal uint Flags;
    internal uint Index;
    internal uint Start;
    internal uint Count;
}

/// <summary>struct vfio_pci_hot_reset_info, without its devices.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioHotResetInfoArgs
{
    internal uint Argsz;
    internal uint Flags;
    internal uint Count;
}

/// <summary>struct vfio_pci_dependent_device.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDependentDeviceArgs
{
    internal uint Group;
    internal ushort Segment;
    internal byte Bus;
    internal byte DevFn;
}

/// <summary>struct vfio_pci_hot_reset, without its descriptors.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioHotResetArgs
{
    internal uint Argsz;
    internal uint Flags;
    internal uint Count;
}

/// <summary>struct vfio_iommu_type1_info.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioType1InfoArgs
{
    internal const uint FlagPageSizes = 1 << 0;
    internal const uint FlagCapabilities = 1 << 1;

    internal uint Argsz;
    internal uint Flags;
    internal ulong PageSizes;
    internal uint CapOffset;
    internal uint Pad;
}

/// <summary>struct vfio_iommu_type1_info as v6 of the series had it (V2); no kernel's header has it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioType1InfoV6Args
{
    /// <summary>VFIO_IOMMU_INFO_REQUIRE_MSI_MAP. The bit is mainline's FlagCapabilities.</summary>
    internal const uint FlagRequireMsiMap = 1 << 1;

    internal uint Argsz;
    internal uint Flags;
    internal ulong PageSizes;
    internal uint MsiIovaPages;
    internal uint Pad;
}

/// <summary>struct vfio_info_cap_header.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioCapabilityHeader
{
    internal const ushort IovaRange = 1;
    internal const ushort Migration = 2;
    internal const ushort DmaAvailable = 3;
    internal const ushort SparseMmap = 1; // of a region
    internal const ushort MsiXMappable = 3; // of a region

    internal ushort Id;
    internal ushort Version;
    internal uint Next;
}

/// <summary>struct vfio_iommu_type1_dma_map.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDmaMapArgs
{
    internal uint Argsz;
    internal uint Flags;
    internal ulong VirtualAddress;
    internal ulong Iova;
    internal ulong Size;
}

/// <summary>struct vfio_iommu_type1_dma_unmap, without its data.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDmaUnmapArgs
{
    internal uint Argsz;
    internal uint Flags;
    internal ulong Iova;
    internal ulong Size;
}

/// <summary>struct vfio_bitmap.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioBitmapArgs
{
    internal ulong PageSize;
    internal ulong Size;
    internal ulong Data;
}

/// <summary>struct vfio_iommu_type1_dirty_bitmap, without its data.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDirtyBitmapArgs
{
    internal uint Argsz;
    internal uint Flags;
}

/// <summary>struct vfio_iommu_type1_dirty_bitmap_get.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDirtyBitmapGetArgs
{
    internal ulong Iova;
    internal ulong Size;
    internal VfioBitmapArgs Bitmap;
}

/// <summary>struct vfio_device_ioeventfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioIoEventFdArgs
{
    /// <summary>VFIO_DEVICE_IOEVENTFD_SIZE_MASK: the flags are the size in bytes.</summary>
    internal const uint SizeMask = 0xf;

    /// <summary>Bytes up to and with fd; Linux 6.6 made the padding behind it a member.</summary>
    internal const int Minimum = 28;

    internal uint Argsz;
    internal uint Flags;
    internal ulong Offset;
    internal ulong Data;
    internal int Fd;
    internal uint Reserved;
}

/// <summary>struct vfio_device_bind_iommufd, of which the size alone matters: it is asked of cdevs only.</summary>
internal static class VfioBindIommufd
{
    /// <summary>Bytes up to and with iommufd.</summary>
    internal const int Minimum = 12;
}

/// <summary>struct vfio_device_feature, without its data.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDeviceFeatureArgs
{
    internal uint Argsz;
    internal uint Flags;
}
