using System.Text.Json.Nodes;
using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suites type1 and type1v1: containers, groups and the type1 backend's mappings, errno by errno.</summary>
internal static class Type1Suite
{
    private const string Bdf = "0000:00:03.0";
    private const uint ReadWrite = VfioClient.ReadWrite;
    private const uint ReadFlag = (uint)VfioMapFlags.Read;
    private const uint WriteFlag = (uint)VfioMapFlags.Write;
    private const uint VaddrFlag = (uint)VfioMapFlags.Vaddr;
    private const uint UnmapAll = (uint)VfioUnmapFlags.All;
    private const uint UnmapVaddr = (uint)VfioUnmapFlags.Vaddr;
    private const ulong MiB = 1 << 20;

    public static List<JsonObject> Replay(CaptureBoard board, uint type)
    {
        using VfioClient client = new(board);
        ulong buffer = client.Memory.Map((int)(16 * MiB), ClientMemory.ReadWrite);
        ContainerFile container = client.OpenContainer("container.open");
        GroupFile group = Begin(client, container, type, buffer);
        Mapping(client, container, buffer);
        MappingMemory(client, container, group, buffer);
        Unmapping(client, container, buffer);
        Dirty(client, container, buffer);
        Many(client, container);
        End(client, container, group, buffer);
        return client.Recorder.Records;
    }

    private static GroupFile Begin(VfioClient client, ContainerFile container, uint type, ulong buffer)
    {
        client.Raw("api_version", "VFIO_GET_API_VERSION", container, VfioIoctl.GetApiVersion, 0);
        client.CheckExtensions("ext.before_group", container);
        client.SetIommu("set_iommu.before_group", container, type);
        client.IommuInfo("info.before_group", container);
        client.Map(container, "map.before_group", 0, 0x1000, buffer, ReadWrite);
        GroupFile group = client.OpenGroup("group.open", Bdf)!;
        client.OpenGroupAgain("group.open_twice", Bdf);
        client.GroupStatus("group.status0", group);
        client.GetDevice("device.before_container", group, Bdf);
        client.UnsetContainer("unset_container.none", group);
        client.SetContainer("set_container.badfd_-1", group, -1);
        int devNull = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDWR);
        client.SetContainer("set_container.devnull", group, devNull);
        Sys.Close(devNull);
        client.SetContainer("set_container", group, container);
        client.GroupStatus("group.status1", group);
        client.SetContainer("set_container.twice", group, container);
        client.CheckExtensions("ext.after_group", container);
        client.GetDevice("device.before_set_iommu", group, Bdf);
        client.SetIommu("set_iommu.bad_0", container, 0);
        client.SetIommu("set_iommu.spapr", container, 2);
        client.SetIommu("set_iommu.nesting6", container, 6);
        client.SetIommu("set_iommu.noiommu", container, 8);
        client.SetIommu("set_iommu.unmap_all9", container, 9);
        client.SetIommu("set_iommu", container, type);
        client.SetIommu("set_iommu.twice", container, 3);
        client.CheckExtensions("ext.after_set_iommu", container);
        client.IommuInfo("info.fresh", container);
        client.GetDevice("device.bad_name", group, "0000:ff:1f.7");
        return group;
    }

    private static void Mapping(VfioClient client, ContainerFile container, ulong buffer)
    {
        void Map(string name, ulong iova, ulong size, ulong offset = 0, uint flags = ReadWrite) => client.Map(container, "map." + name, iova, size, buffer + offset, flags);
        Map("4k@0", 0, 0x1000);
        Map("4k@0.again", 0, 0x1000);
        Map("4k@0.different_vaddr", 0, 0x1000, 0x1000);
        Map("1M@1M", MiB, MiB);
        Map("overlap_tail", (2 * MiB) - 0x1000, 0x2000);
        Map("overlap_head", MiB - 0x1000, 0x2000);
        Map("inside", MiB + 0x1000, 0x1000);
        Map("enclosing", MiB / 2, 2 * MiB);
        Map("adjacent_after", 2 * MiB, 0x1000);
        Map("msi_window_first_page", 0x800_0000, 0x1000);
        Map("msi_window_last_page", 0x80f_f000, 0x1000);
        Map("msi_window_whole", 0x800_0000, 0x10_0000);
        Map("msi_window_straddle_start", 0x7ff_f000, 0x2000);
        Map("msi_window_straddle_end", 0x80f_f000, 0x2000);
        Map("msi_window_enclosing", 0x7ff_0000, 0x12_0000);
        Map("just_below_msi_window", 0x7ff_f000, 0x1000);
        Map("just_above_msi_window", 0x810_0000, 0x1000);
        Map("x86_msi_window_first", 0xfee0_0000, 0x1000);
        Map("x86_msi_window_last", 0xfeef_f000, 0x1000);
        Map("its_translater_phys", 0x809_0000, 0x1000);
        Map("misaligned_iova", 0x2000_0200, 0x1000);
        Map("misaligned_size", 0x2000_0000, 0x1200);
        Map("misaligned_vaddr", 0x2000_0000, 0x1000, 0x200);
        Map("size_zero", 0x2000_0000, 0);
        Map("wrap_iova", 0xffff_ffff_ffff_f000, 0x2000);
        Map("last_page_2^64", 0xffff_ffff_ffff_f000, 0x1000);
        client.Map(container, "map.wrap_vaddr", 0x2000_0000, 0x2000, 0xffff_ffff_ffff_f000, ReadWrite);
        Map("size_2^64-4k", 0, 0xffff_ffff_ffff_f000);
        for (int bit = 31; bit < 64; bit++)
        {
            ulong power = 1UL << bit;
            TryMap(client, container, $"at_2^{bit}", power, 0x1000, buffer);
            TryMap(client, container, $"below_2^{bit}", power - 0x1000, 0x1000, buffer);
            TryMap(client, container, $"straddle_2^{bit}", power - 0x1000, 0x2000, buffer);
        }

        Map("flags0", 0x3000_0000, 0x1000, flags: 0);
        Map("read_only", 0x3000_0000, 0x1000, flags: ReadFlag);
        Map("write_only", 0x3000_1000, 0x1000, flags: WriteFlag);
        Map("flags_unknown_8", 0x3000_2000, 0x1000, flags: ReadWrite | 8);
        Map("flags_vaddr", 0x3000_0000, 0x1000, flags: VaddrFlag);
        Map("flags_vaddr_rw", 0x3000_2000, 0x1000, flags: ReadWrite | VaddrFlag);
        Map("flags_vaddr_absent", 0x3900_0000, 0x1000, flags: VaddrFlag);
    }

    private static void TryMap(VfioClient client, ContainerFile container, string name, ulong iova, ulong size, ulong buffer)
    {
        if (client.Map(container, "map." + name, iova, size, buffer, ReadWrite) == 0)
        {
            client.Unmap(container, "unmap." + name, iova, size, 0);
        }
    }

    private static void MappingMemory(VfioClient client, ContainerFile container, GroupFile group, ulong buffer)
    {
        const ulong At = 0x3100_0000;
        ulong readOnly = client.Memory.Map(0x1000, ClientMemory.ReadOnly);
        ulong none = client.Memory.Map(0x1000, ClientMemory.None);
        client.Map(container, "map.unmapped_vaddr", At, 0x1000, 0x100_0000_0000, ReadWrite);
        client.Map(container, "map.null_vaddr", At, 0x1000, 0, ReadWrite);
        client.Map(container, "map.prot_none_vaddr", At, 0x1000, none, ReadWrite);
        client.Map(container, "map.rw_of_readonly_vma", At, 0x1000, readOnly, ReadWrite);
        client.Map(container, "map.r_of_readonly_vma", At, 0x1000, readOnly, ReadFlag);
        client.Unmap(container, "unmap.r_of_readonly_vma", At, 0x1000, 0);
        client.Map(container, "map.w_of_readonly_vma", At, 0x1000, readOnly, WriteFlag);
        client.Map(container, "map.partly_unmapped_vaddr", At, 0x2000, readOnly, ReadWrite);
        client.Map(container, "map.argsz_small_31", 0x3200_0000, 0x1000, buffer, ReadWrite, 31);
        client.Map(container, "map.argsz_0x18", 0x3200_0000, 0x1000, buffer, ReadWrite, 24);
        client.Map(container, "map.argsz_big", 0x3200_0000, 0x1000, buffer, ReadWrite, 4096);
        client.Raw("map.bad_pointer", "VFIO_IOMMU_MAP_DMA", container, VfioIoctl.IommuMapDma, 16);
        client.Raw("ioctl.unknown_container", "VFIO+200", container, Unknown, 0);
        client.Raw("ioctl.unknown_group", "VFIO+200", group, Unknown, 0);
        client.IommuInfo("info.after_maps", container);
    }

    private static void Unmapping(VfioClient client, ContainerFile container, ulong buffer)
    {
        void Map(string name, ulong iova, ulong size, uint flags = ReadWrite, ulong offset = 0) => client.Map(container, name, iova, size, buffer + offset, flags);
        void Unmap(string name, ulong iova, ulong size, uint flags = 0) => client.Unmap(container, name, iova, size, flags);
        Map("map.16k@256M", 0x1000_0000, 0x4000);
        Unmap("unmap.bisect_head", 0x1000_0000, 0x1000);
        Unmap("unmap.bisect_middle", 0x1000_1000, 0x1000);
        Unmap("unmap.bisect_tail", 0x1000_3000, 0x1000);
        Unmap("unmap.bisect_cover_head", 0xfff_f000, 0x2000);
        Unmap("unmap.bisect_cover_tail", 0x1000_3000, 0x2000);
        Map("map.16k@256M.again", 0x1000_0000, 0x4000);
        Unmap("unmap.misaligned_iova", 0x1000_0200, 0x4000);
        Unmap("unmap.misaligned_size", 0x1000_0000, 0x4200);
        Unmap("unmap.size_zero", 0x1000_0000, 0);
        Unmap("unmap.nothing_there", 0x5000_0000, 0x1000);
        Unmap("unmap.msi_window", 0x800_0000, 0x10_0000);
        Unmap("unmap.wrap", 0xffff_ffff_ffff_f000, 0x2000);
        Unmap("unmap.beyond_aperture", 1UL << 60, 0x1000);
        Unmap("unmap.flags_unknown_8", 0x1000_0000, 0x4000, 8);
        client.Unmap(container, "unmap.argsz_small", 0x1000_0000, 0x4000, 0, 20);
        Unmap("unmap.enclosing", 0xfff_f000, 0x8000);
        Unmap("unmap.exact_gone", 0x1000_0000, 0x4000);
        Map("map.two_a", 0x1100_0000, 0x1000);
        Map("map.two_b", 0x1100_2000, 0x1000);
        Unmap("unmap.two_with_hole", 0x1100_0000, 0x3000);
        ulong large = client.Memory.Map((int)(8 * MiB), ClientMemory.ReadWrite);
        large = (large + (2 * MiB) - 1) & ~((2 * MiB) - 1);
        client.Map(container, "map.thp_4M_2M_aligned", 0x4000_0000, 4 * MiB, large, ReadWrite);
        Unmap("unmap.thp_4M", 0x4000_0000, 4 * MiB);
        client.Map(container, "map.thp_4M_4k_offset", 0x4000_1000, (4 * MiB) - 0x1000, large, ReadWrite);
        Unmap("unmap.thp_4k_offset", 0x4000_1000, (4 * MiB) - 0x1000);
        Map("vaddr.map", 0x1200_0000, 0x2000);
        Unmap("vaddr.invalidate", 0x1200_0000, 0x2000, UnmapVaddr);
        Unmap("vaddr.invalidate_twice", 0x1200_0000, 0x2000, UnmapVaddr);
        Map("vaddr.update_wrong_size", 0x1200_0000, 0x1000, VaddrFlag, 0x2000);
        Map("vaddr.update", 0x1200_0000, 0x2000, VaddrFlag);
        Unmap("vaddr.unmap", 0x1200_0000, 0x2000);
    }

    private static void Dirty(VfioClient client, ContainerFile container, ulong buffer)
    {
        void Get(string name, ulong iova, ulong size, ulong pageSize = 0x1000, ulong bytes = 8) => client.DirtyGet(container, "dirty." + name, iova, size, pageSize, bytes);
        void UnmapDirty(string name, ulong pageSize, ulong bytes) => client.UnmapDirty(container, "dirty." + name, 0x1300_0000, 0x1_0000, pageSize, bytes);
        Get("get_not_started", 0x1000_0000, 0x4000);
        client.DirtyControl(container, "dirty.flags0", 0);
        client.DirtyControl(container, "dirty.flags_start_stop", 3);
        client.DirtyControl(container, "dirty.flags_unknown", 8);
        client.DirtyControl(container, "dirty.stop_not_started", 2);
        client.Map(container, "dirty.map", 0x1300_0000, 0x1_0000, buffer, ReadWrite);
        client.DirtyControl(container, "dirty.start", 1);
        client.DirtyControl(container, "dirty.start_twice", 1);
        Get("get", 0x1300_0000, 0x1_0000);
        Get("get_part", 0x1300_4000, 0x4000);
        Get("get_pgsize_2M", 0x1300_0000, 0x1_0000, 0x20_0000);
        Get("get_pgsize_512", 0x1300_0000, 0x1_0000, 512);
        Get("get_bitmap_small", 0x1300_0000, 0x1_0000, bytes: 1);
        Get("get_size0", 0x1300_0000, 0);
        Get("get_unmapped", 0x6000_0000, 0x1_0000);
        Get("get_straddle", 0x1300_8000, 0x1_0000);
        Get("get_misaligned", 0x1300_0200, 0x1000);
        Get("get_msi_window", 0x800_0000, 0x1_0000);
        UnmapDirty("unmap_bitmap_pgsize_bad", 0x2000, 8);
        UnmapDirty("unmap_bitmap_small", 0x1000, 1);
        UnmapDirty("unmap_bitmap", 0x1000, 8);
        client.DirtyControl(container, "dirty.stop", 2);
        UnmapDirty("unmap_bitmap_not_tracking", 0x1000, 8);
        client.Unmap(container, "unmap_all.with_iova", 0x1000, 0, UnmapAll);
        client.Unmap(container, "unmap_all.with_size", 0, 0x1000, UnmapAll);
        client.Unmap(container, "unmap_all.with_dirty", 0, 0, UnmapAll | 1);
        client.Unmap(container, "unmap_all", 0, 0, UnmapAll);
        client.Unmap(container, "unmap_all.empty", 0, 0, UnmapAll);
    }

    // The loop itself goes past the structures: 65,535 looks at this process's memory map would test the patience of whoever waits.
    private static void Many(VfioClient client, ContainerFile container)
    {
        ArrayMemory memory = new(0x7f00_0000_0000, 0x1000);
        long mapped = 0;
        long result = 0;
        for (; mapped < 70_000; mapped++)
        {
            Result map = container.Container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, memory.Start, new Iova(0x1_0000_0000 + ((ulong)mapped << 12)), 0x1000, memory);
            if (!map.IsOk)
            {
                result = -(long)map.Errno;
                break;
            }
        }

        client.Recorder.Done(Recorder.Begin("limit.map_until_failure", "VFIO_IOMMU_MAP_DMA").Int("mapped", mapped).Result(result));
        client.IommuInfo("info.at_limit", container);
        client.Unmap(container, "limit.unmap_all", 0, 0, UnmapAll);
    }

    private static void End(VfioClient client, ContainerFile container, GroupFile group, ulong buffer)
    {
        DeviceFile device = client.GetDevice("device.get", group, Bdf)!;
        client.GroupStatus("group.status_with_device", group);
        client.UnsetContainer("unset_container.busy", group);
        if (client.GetDevice("device.get_twice", group, Bdf) is { } second)
        {
            client.Close("device.close_second", second);
        }

        client.Map(container, "map.left_behind", 0x1500_0000, 0x2000, buffer, ReadWrite);

        // A duplicate of the container's descriptor is closed: no file goes.
        client.Recorder.Call("container.close_while_attached", "close", 0);
        client.Close("device.close", device);
        client.UnsetContainer("unset_container.last", group);
        client.GroupStatus("group.status_end", group);
        client.IommuInfo("info.after_last_group_left", container);
        client.Map(container, "map.after_last_group_left", 0x1600_0000, 0x1000, buffer, ReadWrite);
        client.SetContainer("set_container.again", group, container);
        client.IommuInfo("info.reattached_not_set", container);
        client.Close("container.close", container);
        client.Close("group.close", group);
    }

    private const uint Unknown = VfioIoctl.GetApiVersion + 200;
}
