using System.Text.Json.Nodes;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suites group-*: who goes together, and whether the group may go.</summary>
internal static class GroupSuite
{
    private const uint ReadWrite = VfioClient.ReadWrite;

    public static List<JsonObject> Replay(CaptureBoard board, string first, string? second = null)
    {
        using VfioClient client = new(board);
        ulong buffer = client.Memory.Map(0x1_0000, ClientMemory.ReadWrite);
        ContainerFile container = client.OpenContainer("container");
        if (client.OpenGroup("a.group.open", first) is not { } group)
        {
            return client.Recorder.Records;
        }

        client.GroupStatus("a.status", group);
        long joined = client.SetContainer("a.set_container", group, container);
        client.GroupStatus("a.status_in_container", group);
        if (joined == 0)
        {
            client.SetIommu("a.set_iommu", container, Doorbell.Vfio.VfioIommuType.Type1v2);
        }

        client.IommuInfo("info", container);
        DeviceFile? a = client.GetDevice("a.get_device", group, first);
        if (a is not null)
        {
            CaptureDevice device = client.Prepare(a, first);
            client.EnableMaster(device);
            client.Map(container, "map", 0, 0x1_0000, buffer, ReadWrite);
            Use(client, device, "a");
        }

        DeviceFile? b = second is null ? null : client.GetDevice("b.get_device", group, second);
        if (b is not null)
        {
            CaptureDevice device = client.Prepare(b, second!);
            client.EnableMaster(device);
            Use(client, device, "b");
            HotReset(client, device, group);
        }

        if (a is not null)
        {
            client.Close("a.close_device", a);
        }

        if (b is not null)
        {
            client.Close("b.close_device", b);
        }

        client.Close("a.close_group", group);
        client.Close("close_container", container);
        return client.Recorder.Records;
    }

    private static void Use(VfioClient client, CaptureDevice device, string prefix)
    {
        client.Arm(device, $"{prefix}.arm", device.BestIndex, 0, 1);
        client.Snapshot(device, $"{prefix}.armed", 2);
        client.Fire(device, $"{prefix}.fire", 0);
    }

    private static void HotReset(VfioClient client, CaptureDevice device, GroupFile group)
    {
        byte[] info = VfioClient.Words(4096);
        long result = client.Ioctl(device.File, VfioIoctl.DeviceGetPciHotResetInfo, info);
        client.Recorder.Done(Recorder.Begin("b.hot_reset_info", "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO").Result(result).Int("count", VfioClient.Word(info, 8)));
        byte[] reset = VfioClient.Words(12);
        client.Recorder.Call("b.hot_reset_no_groups", "VFIO_DEVICE_PCI_HOT_RESET", client.Ioctl(device.File, VfioIoctl.DevicePciHotReset, reset));
        client.Recorder.Call("b.hot_reset_group", "VFIO_DEVICE_PCI_HOT_RESET", client.HotReset(device, group));
        client.Snapshot(device, "b.after_hot_reset", 2);
    }
}
