using System.Text.Json.Nodes;
using Doorbell.Linux.Vfio;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Tests.Captures.Suites;

/// <content>Armed devices, tables, the end, a second context, and containers on an iommufd.</content>
internal static partial class IommufdSuite
{
    private static void Arming(State state)
    {
        (IommufdClient iommu, CdevClient igb) = (state.Iommu, state.Igb);
        igb.Arm("msi.arm_vec0", VfioIrqIndex.MsiX, 0, 1);
        igb.Snapshot("msi.snap1", 4);
        igb.Fire("msi.fire0");
        igb.Arm("msi.arm_vec1_3", VfioIrqIndex.MsiX, 1, 3);
        igb.Snapshot("msi.snap4", 4);
        igb.MoveAffinity("msi.affinity");
        iommu.Map("msi.map_window_armed", state.First, Fixed, 0x800_0000, Page, state.Buffer);
        iommu.Ranges("ranges.armed", state.First);
        igb.Attach("replace.io2_conflicting_allow_or_not", state.Second);
        igb.Fire("replace.fire0");
        igb.Snapshot("replace.snap", 4);
        igb.Attach("replace.back", state.First);
        igb.Fire("replace.back_fire0");
    }

    private static void OtherDevices(State state)
    {
        IommufdClient iommu = state.Iommu;
        CdevClient nvme = state.Nvme = new CdevClient(state.Client, "cdev.nvme0", Nvme);
        nvme.Bind("bind.nvme0", iommu.Context);
        iommu.HardwareInfo("hwinfo.nvme0", nvme.Id, 64);
        nvme.Attach("attach.nvme0_same_ioas", state.First);
        nvme.Prepare();
        nvme.Arm("msi.nvme0_arm2", VfioIrqIndex.MsiX, 0, 2);
        nvme.Snapshot("msi.nvme0_snap", 2);

        CdevClient edu = state.Edu = new CdevClient(state.Client, "cdev.edu0", Edu);
        uint third = iommu.AllocateIoas("ioas.alloc3");
        edu.Bind("bind.edu0", iommu.Context);
        edu.Attach("attach.edu0_other_ioas", third);
        edu.Prepare();
        edu.Arm("msi.edu0_arm", VfioIrqIndex.Msi, 0, 1);
        edu.Snapshot("msi.edu0_snap", 1);
        edu.Fire("msi.edu0_fire");
        edu.Detach("detach.edu0_armed");
        edu.Fire("msi.edu0_fire_detached");
        edu.Snapshot("msi.edu0_snap_detached", 1);
        edu.Attach("attach.edu0_again", third);
        edu.Fire("msi.edu0_fire_reattached");
    }

    private static void Tables(State state)
    {
        (IommufdClient iommu, CdevClient igb, uint first) = (state.Iommu, state.Igb, state.First);
        uint plain = iommu.AllocateHwpt("hwpt.plain", igb.Id, first);
        uint parent = iommu.AllocateHwpt("hwpt.nest_parent", igb.Id, first, HwptAllocFlags.NestParent);
        iommu.AllocateHwpt("hwpt.dirty", igb.Id, first, HwptAllocFlags.DirtyTracking);
        iommu.AllocateHwpt("hwpt.pasid", igb.Id, first, HwptAllocFlags.Pasid);
        iommu.AllocateHwpt("hwpt.flag0x80", igb.Id, first, (HwptAllocFlags)0x80);
        iommu.AllocateHwpt("hwpt.bad_dev", 999, first);
        iommu.AllocateHwpt("hwpt.bad_pt", igb.Id, 999);
        iommu.AllocateHwpt("hwpt.nested_smmuv3_bypass_on_parent", igb.Id, parent != 0 ? parent : first, HwptAllocFlags.None, HwptDataType.ArmSmmuV3);
        iommu.AllocateHwpt("hwpt.nested_smmuv3_on_ioas", igb.Id, first, HwptAllocFlags.None, HwptDataType.ArmSmmuV3);
        iommu.Done("viommu.alloc_smmuv3", "IOMMU_VIOMMU_ALLOC", iommu.Context.AllocateViommu(igb.Id), "id");
        Result<uint> queue = iommu.Context.AllocateFaultQueue(0);
        iommu.Done("fault.alloc", "IOMMU_FAULT_QUEUE_ALLOC", queue, "id");
        iommu.Context.ReleaseFaultQueue(queue.Value);
        if (plain != 0)
        {
            igb.Attach("hwpt.attach_plain", plain);
            igb.Fire("hwpt.fire_on_plain");
            iommu.SetDirtyTracking("hwpt.dirty_on_plain", plain, 1);
            iommu.Destroy("hwpt.destroy_busy", plain);
            igb.Attach("hwpt.attach_back", first);
            iommu.Destroy("hwpt.destroy", plain);
        }

        if (parent != 0)
        {
            igb.Attach("hwpt.attach_nest_parent", parent);
            igb.Fire("hwpt.fire_on_nest_parent");
            igb.Attach("hwpt.attach_back2", first);
        }
    }

    private static void Ending(State state)
    {
        (IommufdClient iommu, CdevClient igb) = (state.Iommu, state.Igb);
        igb.Disarm("msi.disarm", VfioIrqIndex.MsiX);
        igb.Snapshot("msi.snap_disarmed", 4);
        igb.Arm("msi.rearm2", VfioIrqIndex.MsiX, 0, 2);
        igb.Snapshot("msi.snap_rearmed", 2);
        igb.Detach("detach.igb0_armed");
        igb.Snapshot("msi.snap_detached", 2);
        igb.Detach("detach.again");
        igb.Fire("msi.fire_detached");
        ArrayClientMemory file = new(0, (int)MiB);
        iommu.Done("map_file", "IOMMU_IOAS_MAP_FILE", iommu.Context.MapFile(Fixed, state.First, file, 0, 0x4000, new Iova(0x5000_0000)).WithoutValue);
        iommu.Done("change_process_with_va_maps", "IOMMU_IOAS_CHANGE_PROCESS", iommu.Context.ChangeProcess());
        iommu.Done("vfio_ioas.get_none", "IOMMU_VFIO_IOAS", iommu.Context.GetVfioIoas().WithoutValue);
        iommu.Done("vfio_ioas.set", "IOMMU_VFIO_IOAS", iommu.Context.SetVfioIoas(state.First));
        Result<uint> named = iommu.Context.GetVfioIoas();
        JsonObject get = Recorder.Begin("vfio_ioas.get", "IOMMU_VFIO_IOAS").Result(IommufdClient.Number(named.WithoutValue));
        state.Client.Recorder.Done(get.Int("ioas_id", named.IsOk ? named.Value : 0));
        iommu.Context.ClearVfioIoas();
        iommu.Done("vfio_ioas.clear", "IOMMU_VFIO_IOAS", Result.Ok);
        igb.Close("close.igb0_cdev");
        state.Nvme.Close("close.nvme0_cdev_armed");
        state.Edu.Close("close.edu0_cdev_armed");
        iommu.Destroy("destroy.ioas2", state.Second);
        iommu.Destroy("destroy.ioas", state.First);
        iommu.Close("close.iommufd");
    }

    private static void SecondContext(IommufdClient iommu)
    {
        iommu.Open();
        uint ioas = iommu.AllocateIoas("ctx2.ioas");
        CdevClient igb = new(iommu.Client, "ctx2.cdev", Igb);
        igb.Bind("ctx2.bind", iommu.Context);
        igb.Attach("ctx2.attach", ioas);
        igb.Prepare();
        igb.Arm("ctx2.arm", VfioIrqIndex.MsiX, 0, 1);
        igb.Snapshot("ctx2.snap", 1);
        iommu.Close("ctx2.close_iommufd_first");
        igb.Fire("ctx2.fire_iommufd_closed");
        igb.Close("ctx2.close_cdev");
    }

    private static void Containers(IommufdClient iommu, ulong buffer)
    {
        VfioClient client = iommu.Client;
        IommufdContainer container = iommu.Open().Container;
        GroupFile group = client.OpenGroup("compat.group", Igb)!;
        iommu.Done("compat.set_container_iommufd", "VFIO_GROUP_SET_CONTAINER", client.Board.Host.Groups[client.Board.GroupOf(Igb)].SetContainer(iommu.Context));
        client.CheckExtensions("compat.ext", IommufdContainer.CheckExtension);
        client.Recorder.Done(Recorder.Begin("compat.set_iommu3", "VFIO_SET_IOMMU").Int("type", VfioIommuType.Type1v2).Result(IommufdClient.Number(container.SetIommu(VfioIommuType.Type1v2))));
        Info(client, "compat.info", container);
        DeviceFile? file = client.GetDevice("compat.get_device", group, Igb);
        Info(client, "compat.info_with_device", container);
        Map(iommu, "compat.map", 0, buffer);
        Map(iommu, "compat.map_again", 0, buffer);
        Map(iommu, "compat.map_window", 0x800_0000, buffer);
        Unmap(client, "compat.unmap_bisect", container, 0, 0x800);
        Unmap(client, "compat.unmap", container, 0, Page);
        Unmap(client, "compat.unmap_nothing", container, 0, Page);
        Unmap(client, "compat.unmap_all", container, 0, 0, VfioUnmapFlags.All);
        if (file is not null)
        {
            CaptureDevice device = client.Prepare(file, Igb);
            client.EnableMaster(device);
            client.Arm(device, "compat.arm", VfioIrqIndex.MsiX, 0, 2);
            client.Snapshot(device, "compat.snap", 2);
            client.Fire(device, "compat.fire", 0);
            client.Close("compat.close_device", file);
        }

        client.Close("compat.close_group", group);
        iommu.Close("compat.close_iommufd");
    }

    private static void Map(IommufdClient iommu, string name, ulong iova, ulong vaddr)
    {
        Result result = iommu.Context.Container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, vaddr, new Iova(iova), Page, iommu.Memory);
        iommu.Client.Recorder.Done(Recorder.Begin(name, "VFIO_IOMMU_MAP_DMA").Hex("iova", iova).Hex("size", Page).Hex("flags", VfioClient.ReadWrite)
            .Int("argsz", 32).Hex("vaddr_page_offset", vaddr & 0xfff).Result(IommufdClient.Number(result)));
    }

    private static void Unmap(VfioClient client, string name, IommufdContainer container, ulong iova, ulong size, VfioUnmapFlags flags = VfioUnmapFlags.None)
    {
        Result<ulong> result = container.UnmapDma(flags, new Iova(iova), size);
        client.Recorder.Done(Recorder.Begin(name, "VFIO_IOMMU_UNMAP_DMA").Hex("iova", iova).Hex("size", size).Hex("flags", (uint)flags).Int("argsz", 24)
            .Result(IommufdClient.Number(result.WithoutValue)).Hex("size_out", result.IsOk ? result.Value : 0));
    }

    // The layout of the capabilities is the kernel's for any container on an iommufd; what stands in them is asked.
    private static void Info(VfioClient client, string name, IommufdContainer container)
    {
        const int Head = 24;
        const int Available = 16;
        Type1Info info = container.GetInfo().Value;
        JsonArray ranges = [.. info.UsableRanges.Select(static range => new JsonObject().Hex("start", range.First.Value).Hex("end", range.Last.Value))];
        JsonObject available = new JsonObject().Int("id", 3).Int("version", 1).Int("offset", Head).Int("next", Head + Available).Text("cap", "dma_avail").Int("avail", info.MappingsAvailable);
        JsonObject usable = new JsonObject().Int("id", 1).Int("version", 1).Int("offset", Head + Available).Int("next", 0).Text("cap", "iova_range").Int("nr_iovas", ranges.Count).Node("ranges", ranges);
        client.Recorder.Done(Recorder.Begin(name, "VFIO_IOMMU_GET_INFO").Result(0).Int("argsz_needed", Head + Available + 16 + (16 * ranges.Count)).Hex("flags_small", 3).Int("cap_offset_small", 0)
            .Hex("flags", 3).Hex("iova_pgsizes", info.PageSizes).Int("cap_offset", Head).Node("caps", new JsonArray(available, usable)));
    }
}
