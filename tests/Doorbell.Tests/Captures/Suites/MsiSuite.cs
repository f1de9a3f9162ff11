using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suite msi: doorbells, messages and who holds what, in three containers with six devices.</summary>
internal static class MsiSuite
{
    private const uint ReadWrite = VfioClient.ReadWrite;
    private const ulong MiB = 1 << 20;

    public static List<JsonObject> Replay(CaptureBoard board)
    {
        using VfioClient client = new(board);
        ulong buffer = client.Memory.Map((int)MiB, ClientMemory.ReadWrite);
        ContainerFile a = client.OpenContainer("A.container");
        (GroupFile Group, CaptureDevice Device) igb = client.OpenDevice("A.igb0", "0000:00:01.0", a, setIommu: true)!.Value;
        Arming(client, a, igb.Device, buffer);
        Tampering(client, igb.Device);
        Rearming(client, a, igb.Device);
        (GroupFile Group, CaptureDevice Device) nvme = Join(client, a, "A.nvme0", "0000:00:02.0");
        client.Arm(nvme.Device, "A.nvme0.arm_4", VfioIrqIndex.MsiX, 0, 4);
        client.Snapshot(nvme.Device, "A.nvme0.armed", 4);
        (GroupFile Group, CaptureDevice Device) edu = Join(client, a, "A.edu0", "0000:00:03.0");
        client.Arm(edu.Device, "A.edu0.arm_msi", VfioIrqIndex.Msi, 0, 1);
        client.Snapshot(edu.Device, "A.edu0.armed", 1);
        client.Fire(edu.Device, "A.edu0.fire", 0);
        client.MoveAffinity(edu.Device, "A.edu0.affinity", 1);
        (GroupFile Group, CaptureDevice Device) second = Join(client, a, "A.igb1", "0000:01:00.0");
        client.Arm(second.Device, "A.igb1.arm_2", VfioIrqIndex.MsiX, 0, 2);
        client.Snapshot(second.Device, "A.igb1.armed", 2);
        client.Fire(second.Device, "A.igb1.fire0", 0);

        ContainerFile b = client.OpenContainer("B.container");
        (GroupFile Group, CaptureDevice Device) e1000e = client.OpenDevice("B.e1000e0", "0000:00:04.0", b, setIommu: true)!.Value;
        Kinds(client, e1000e.Device);
        ContainerFile c = client.OpenContainer("C.container");
        (GroupFile Group, CaptureDevice Device) xhci = client.OpenDevice("C.xhci", "0000:00:08.0", c, setIommu: true)!.Value;
        MultipleMessages(client, xhci.Device);

        client.Close("A.igb0.close_device_armed", igb.Device.File);
        JsonObject closed = Recorder.Begin("A.igb0.after_close", "sysfs").Text("bdf", igb.Device.Bdf);
        client.AddPhysicalCapabilities(closed, igb.Device);
        client.Recorder.Done(closed);
        client.Close("A.igb0.close_group", igb.Group);
        client.Close("A.nvme0.close_device", nvme.Device.File);
        client.Close("A.nvme0.close_group", nvme.Group);
        client.Close("A.edu0.close_device", edu.Device.File);
        client.Close("A.edu0.close_group", edu.Group);
        client.Fire(second.Device, "A.igb1.fire_after_others_left", 0);
        client.Close("A.igb1.close_device", second.Device.File);
        client.Close("A.igb1.close_group_last", second.Group);
        client.IommuInfo("A.info_empty", a);

        igb = client.OpenDevice("A2.igb0", "0000:00:01.0", a, setIommu: true)!.Value;
        client.EnableMaster(igb.Device);
        client.Arm(igb.Device, "A2.igb0.arm_1", VfioIrqIndex.MsiX, 0, 1);
        client.Snapshot(igb.Device, "A2.igb0.armed", 2);
        client.Close("A2.igb0.close_device", igb.Device.File);
        client.Close("A2.igb0.close_group", igb.Group);
        client.Close("A.container_close", a);
        client.Close("B.container_fd_close_first", b);
        client.Snapshot(e1000e.Device, "B.e1000e0.after_container_fd_close", 2);
        client.Close("B.e1000e0.close_device", e1000e.Device.File);
        client.Close("B.e1000e0.close_group", e1000e.Group);
        client.Close("C.xhci.close_device", xhci.Device.File);
        client.Close("C.xhci.close_group", xhci.Group);
        client.Close("C.container_close", c);
        return client.Recorder.Records;
    }

    private static (GroupFile Group, CaptureDevice Device) Join(VfioClient client, ContainerFile container, string prefix, string bdf)
    {
        (GroupFile Group, CaptureDevice Device) opened = client.OpenDevice(prefix, bdf, container, setIommu: false)!.Value;
        client.EnableMaster(opened.Device);
        return opened;
    }

    private static void Arming(VfioClient client, ContainerFile a, CaptureDevice igb, ulong buffer)
    {
        client.IommuInfo("A.info", a);
        client.Map(a, "A.map_user_1M@0", 0, MiB, buffer, ReadWrite);
        client.EnableMaster(igb);
        client.Snapshot(igb, "A.igb0.before", 10);
        client.Arm(igb, "A.igb0.arm_vec0", VfioIrqIndex.MsiX, 0, 1);
        client.Snapshot(igb, "A.igb0.after_vec0", 10);
        client.IommuInfo("A.info_armed", a);
        client.Map(a, "A.map_in_window_while_armed", 0x800_0000, 0x1000, buffer, ReadWrite);
        client.Unmap(a, "A.unmap_window_while_armed", 0x800_0000, 0x10_0000, 0);
        client.Fire(igb, "A.igb0.fire0", 0);
        client.Arm(igb, "A.igb0.arm_vec1", VfioIrqIndex.MsiX, 1, 1);
        client.Snapshot(igb, "A.igb0.after_vec1", 10);
        client.Fire(igb, "A.igb0.fire1", 1);
        client.Arm(igb, "A.igb0.arm_vec2_3", VfioIrqIndex.MsiX, 2, 2);
        client.Arm(igb, "A.igb0.arm_vec9", VfioIrqIndex.MsiX, 9, 1);
        client.Snapshot(igb, "A.igb0.after_vec9", 10);
        client.Arm(igb, "A.igb0.arm_vec10_beyond", VfioIrqIndex.MsiX, 10, 1);
        client.Fire(igb, "A.igb0.fire9", 9);
        client.Fire(igb, "A.igb0.fire5_unarmed", 5);
        client.MoveAffinity(igb, "A.igb0.affinity", 2);
        client.Fire(igb, "A.igb0.fire0_after_affinity", 0);
    }

    // What a user can do with the table through mmap, done to the table itself, and what the IOMMU and the controller make of it.
    private static void Tampering(VfioClient client, CaptureDevice igb)
    {
        client.EnableMaster(igb);
        (uint address, _, uint data, _) = Entry(igb);
        Entry(client, igb, "tamper.entry0", withUpper: true);
        void Fire(string name, uint atAddress, uint withData)
        {
            igb.Function.MsiX!.WriteTable(0, [.. BitConverter.GetBytes(atAddress)]);
            igb.Function.MsiX.WriteTable(8, [.. BitConverter.GetBytes(withData)]);
            client.Fire(igb, name, 0);
        }

        Fire("tamper.addr_unmapped_iova_0x10000000", 0x1000_0000, data);
        Fire("tamper.addr_next_page_of_window_0x08001040", 0x800_1040, data);
        Fire("tamper.addr_physical_doorbell_0x08090040", 0x809_0040, data);
        Fire("tamper.addr_user_memory_iova_0x100", 0x100, data);
        Fire("tamper.addr_doorbell_page_other_register_0x44", 0x800_0044, data);
        Fire("tamper.data_unallocated_event", address, data + 40);
        Fire("tamper.data_event_of_vector1", address, data + 1);
        client.Recorder.Done(Recorder.Begin("tamper.vector1_count", "read(eventfd)").Int("fd1", client.ReadEventFd(igb.FirstEventFd + 1)));
        Fire("tamper.restored", address, data);
        igb.Function.MsiX!.WriteTable(0, [.. BitConverter.GetBytes(0x1000_0000u)]);
        client.Arm(igb, "tamper.rearm_vector0_rewrites_entry", VfioIrqIndex.MsiX, 0, 1);
        Entry(client, igb, "tamper.entry0_after_rearm", withUpper: false);
    }

    private static void Rearming(VfioClient client, ContainerFile a, CaptureDevice igb)
    {
        client.SetIrqs(igb, "A.igb0.close_vec1", VfioClient.EventFds | VfioClient.Trigger, VfioIrqIndex.MsiX, 1, 1, [-1]);
        client.Snapshot(igb, "A.igb0.after_close_vec1", 10);
        client.Fire(igb, "A.igb0.fire1_closed", 1);
        client.Arm(igb, "A.igb0.rearm_vec1", VfioIrqIndex.MsiX, 1, 1);
        client.Fire(igb, "A.igb0.fire1_rearmed", 1);
        client.Unmap(a, "A.unmap_all_while_armed", 0, 0, (uint)VfioUnmapFlags.All);
        client.Fire(igb, "A.igb0.fire0_after_unmap_all", 0);
        client.Disarm(igb, "A.igb0.disable_all", VfioIrqIndex.MsiX);
        client.Snapshot(igb, "A.igb0.after_disable", 10);
        client.Arm(igb, "A.igb0.rearm_4", VfioIrqIndex.MsiX, 0, 4);
        client.Snapshot(igb, "A.igb0.after_rearm4", 4);
        client.Raw("A.igb0.reset_while_armed", "VFIO_DEVICE_RESET", igb.File, VfioIoctl.DeviceReset, 0);
        client.Snapshot(igb, "A.igb0.after_reset", 4);
        client.Fire(igb, "A.igb0.fire0_after_reset", 0);
    }

    private static void Kinds(VfioClient client, CaptureDevice e1000e)
    {
        client.EnableMaster(e1000e);
        client.Arm(e1000e, "B.e1000e0.arm_msix_1", VfioIrqIndex.MsiX, 0, 1);
        client.Snapshot(e1000e, "B.e1000e0.msix", 5);
        client.Disarm(e1000e, "B.e1000e0.disarm_msix", VfioIrqIndex.MsiX);
        client.Arm(e1000e, "B.e1000e0.arm_msi", VfioIrqIndex.Msi, 0, 1);
        client.Snapshot(e1000e, "B.e1000e0.msi", 5);
        client.Fire(e1000e, "B.e1000e0.fire_msi", 0);
        client.Disarm(e1000e, "B.e1000e0.disarm_msi", VfioIrqIndex.Msi);
        client.Arm(e1000e, "B.e1000e0.arm_intx", VfioIrqIndex.Intx, 0, 1);
        client.Snapshot(e1000e, "B.e1000e0.intx", 5);
        client.Disarm(e1000e, "B.e1000e0.disarm_intx", VfioIrqIndex.Intx);
        client.Arm(e1000e, "B.e1000e0.arm_msix_5", VfioIrqIndex.MsiX, 0, 5);
        client.Snapshot(e1000e, "B.e1000e0.msix5", 5);
    }

    private static void MultipleMessages(VfioClient client, CaptureDevice xhci)
    {
        int count = (int)Math.Min(16, Board(xhci));
        void Arm(string name, int start, int vectors) => client.Arm(xhci, name, VfioIrqIndex.Msi, start, vectors);
        void Disarm(string name) => client.Disarm(xhci, name, VfioIrqIndex.Msi);
        client.EnableMaster(xhci);
        Arm("C.xhci.arm_msi_all_first", 0, count);
        client.Snapshot(xhci, "C.xhci.msi_all_first", 1);
        Disarm("C.xhci.disarm_all_first");
        Arm("C.xhci.arm_msi_1", 0, 1);
        client.Snapshot(xhci, "C.xhci.msi1", 1);
        Arm("C.xhci.arm_msi_vec1_later", 1, 1);
        Disarm("C.xhci.disarm");
        Arm("C.xhci.arm_msi_3", 0, 3);
        client.Snapshot(xhci, "C.xhci.msi3", 1);
        client.MoveAffinity(xhci, "C.xhci.affinity", 3);
        Disarm("C.xhci.disarm3");
        Arm("C.xhci.arm_msi_4", 0, 4);
        Disarm("C.xhci.disarm4");
        Arm("C.xhci.arm_msi_8", 0, 8);
        Disarm("C.xhci.disarm8");
        Arm("C.xhci.arm_msi_all", 0, count);
        client.Snapshot(xhci, "C.xhci.msi_all", 1);
    }

    private static uint Board(CaptureDevice device) => device.File.Device.GetIrqInfo(VfioIrqIndex.Msi).Value.Count;

    private static void Entry(VfioClient client, CaptureDevice device, string name, bool withUpper)
    {
        (uint low, uint high, uint data, uint control) = Entry(device);
        JsonObject record = Recorder.Begin(name, "mmap read").Hex("addr_lo", low);
        if (withUpper)
        {
            record.Hex("addr_hi", high);
        }

        client.Recorder.Done(record.Hex("data", data).Hex("ctrl", control));
    }

    private static (uint AddressLo, uint AddressHi, uint Data, uint Control) Entry(CaptureDevice device)
    {
        Span<byte> entry = stackalloc byte[16];
        VfioClient.ReadPhysicalEntry(device, 0, entry);
        return (BinaryPrimitives.ReadUInt32LittleEndian(entry), BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
    }
}
