using System.Reflection;
using System.Runtime.InteropServices;
using Doorbell.Linux.Uapi;

namespace Doorbell.Tests.Abi;

public class LayoutTests
{
    [SkippableFact]
    public void VFIOs_structures_lie_as_in_the_systems_header()
    {
        Compare<VfioGroupStatus>("linux/vfio.h", "struct vfio_group_status", "argsz", "flags");
        Compare<VfioRegionInfoArgs>("linux/vfio.h", "struct vfio_region_info", "argsz", "flags", "index", "cap_offset", "size", "offset");
        Compare<VfioIrqInfoArgs>("linux/vfio.h", "struct vfio_irq_info", "argsz", "flags", "index", "count");
        Compare<VfioIrqSetArgs>("linux/vfio.h", "struct vfio_irq_set", "argsz", "flags", "index", "start", "count");
        Compare<VfioHotResetInfoArgs>("linux/vfio.h", "struct vfio_pci_hot_reset_info", "argsz", "flags", "count");
        Compare<VfioDependentDeviceArgs>("linux/vfio.h", "struct vfio_pci_dependent_device", "group_id", "segment", "bus", "devfn");
        Compare<VfioHotResetArgs>("linux/vfio.h", "struct vfio_pci_hot_reset", "argsz", "flags", "count");
        Compare<VfioCapabilityHeader>("linux/vfio.h", "struct vfio_info_cap_header", "id", "version", "next");
        Compare<VfioDmaMapArgs>("linux/vfio.h", "struct vfio_iommu_type1_dma_map", "argsz", "flags", "vaddr", "iova", "size");
        Compare<VfioDmaUnmapArgs>("linux/vfio.h", "struct vfio_iommu_type1_dma_unmap", "argsz", "flags", "iova", "size");
        Compare<VfioDeviceFeatureArgs>("linux/vfio.h", "struct vfio_device_feature", "argsz", "flags");
        Compare<VfioBitmapArgs>("linux/vfio.h", "struct vfio_bitmap", "pgsize", "size", "data");
        Compare<VfioDirtyBitmapArgs>("linux/vfio.h", "struct vfio_iommu_type1_dirty_bitmap", "argsz", "flags");
        CompareOffsets<VfioDirtyBitmapGetArgs>("linux/vfio.h", "struct vfio_iommu_type1_dirty_bitmap_get", "iova", "size", "bitmap");
    }

    /// <remarks>Linux 6.6 made these three structures' padding a member; Debian 12's header is older.</remarks>
    [SkippableFact]
    public void VFIOs_structures_that_grew_padding_lie_as_in_the_systems_header()
    {
        CompareOffsets<VfioDeviceInfoArgs>("linux/vfio.h", "struct vfio_device_info", "argsz", "flags", "num_regions", "num_irqs", "cap_offset");
        CompareOffsets<VfioIoEventFdArgs>("linux/vfio.h", "struct vfio_device_ioeventfd", "argsz", "flags", "offset", "data", "fd");
        CompareOffsets<VfioType1InfoArgs>("linux/vfio.h", "struct vfio_iommu_type1_info", "argsz", "flags", "iova_pgsizes", "cap_offset");
    }

    [SkippableFact]
    public void Seccomps_structures_lie_as_in_the_systems_header()
    {
        Compare<SeccompNotification>(
            "linux/seccomp.h", "struct seccomp_notif", "id", "pid", "flags", "data.nr", "data.arch", "data.instruction_pointer", "data.args");
        Compare<SeccompResponse>("linux/seccomp.h", "struct seccomp_notif_resp", "id", "val", "error", "flags");
        Compare<SeccompAddFd>("linux/seccomp.h", "struct seccomp_notif_addfd", "id", "flags", "srcfd", "newfd", "newfd_flags");
    }

    private static void Compare<T>(string header, string type, params string[] members)
        where T : unmanaged
    {
        CompareOffsets<T>(header, type, members);
        Assert.True(Fields<T>().Length == members.Length, $"{typeof(T).Name} has a member that {type} was not asked for");
        Assert.Equal((type, SystemHeaders.Evaluate([header], [$"sizeof({type})"])[0]), (type, Marshal.SizeOf<T>()));
    }

    private static void CompareOffsets<T>(string header, string type, params string[] members)
        where T : unmanaged
    {
        long[] theirs = SystemHeaders.Evaluate([header], [.. members.Select(member => $"offsetof({type}, {member})")]);
        IEnumerable<long> ours = Fields<T>().Take(members.Length).Select(field => (long)Marshal.OffsetOf<T>(field.Name));
        Assert.Equal(members.Zip(theirs), members.Zip(ours));
    }

    /// <remarks>In the order of declaration, which is the order of sequential layout.</remarks>
    private static FieldInfo[] Fields<T>() =>
        [.. typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(field => field.MetadataToken)];
}
