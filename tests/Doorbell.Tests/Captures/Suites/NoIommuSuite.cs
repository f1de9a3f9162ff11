using System.Text.Json.Nodes;
using Doorbell.Linux.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suite noiommu: a device that no IOMMU translates, through its group.</summary>
internal static class NoIommuSuite
{
    /// <summary>Before the administrator enables the mode, where the capture has that, and after.</summary>
    public static List<JsonObject> Replay(CaptureBoard board, string bdf, bool beforeToo)
    {
        List<JsonObject> before = beforeToo ? Run(board, bdf) : [];
        foreach (PassthroughDevice device in board.Machine.Devices.Where(static device => !device.IsBridge))
        {
            // On this board two were bound, in this order.
            device.Driver = device.Name is "0000:00:01.0" or "0000:00:03.0" ? PassthroughDevice.VfioDriver : null;
        }

        board.EnableNoIommu();
        return [.. before, .. Run(board, bdf)];
    }

    private static List<JsonObject> Run(CaptureBoard board, string bdf)
    {
        using VfioClient client = new(board);
        ContainerFile container = client.OpenContainer("container");
        client.CheckExtensions("ext.before", container);
        int number = board.GroupOf(bdf);
        JsonObject link = Recorder.Begin("group_of", "readlink(iommu_group)").Int("group", number);
        client.Recorder.Done(number < 0 ? link : link.Text("group_name", "vfio-noiommu"));
        if (client.OpenGroup("group.open", bdf) is { } group)
        {
            Use(client, container, group, bdf);
        }

        client.Close("close_container", container);
        if (number < 0)
        {
            client.Recorder.Done(Recorder.Begin("cdev", "open(/dev/vfio/devices/vfioN)").Text("bdf", bdf).Text("path", "/dev/vfio/devices/").Result(-(long)board.Host.OpenCdev(bdf).Errno));
            client.Recorder.Call("iommufd.close", "close", 0);
        }

        return client.Recorder.Records;
    }

    private static void Use(VfioClient client, ContainerFile container, GroupFile group, string bdf)
    {
        client.GroupStatus("status", group);
        client.SetContainer("set_container", group, container);
        client.CheckExtensions("ext", container);
        client.SetIommu("set_iommu.type1v2", container, VfioIommuType.Type1v2);
        client.SetIommu("set_iommu.type1", container, VfioIommuType.Type1);
        client.SetIommu("set_iommu.noiommu", container, VfioIommuType.NoIommu);
        client.IommuInfo("info", container);
        client.Map(container, "map", 0, 0x1000, client.Memory.Map(0x1_0000, ClientMemory.ReadWrite), VfioClient.ReadWrite);
        client.Unmap(container, "unmap", 0, 0x1000, 0);
        if (client.GetDevice("get_device", group, bdf) is { } file)
        {
            CaptureDevice device = client.Prepare(file, bdf);
            client.EnableMaster(device);
            client.Arm(device, "arm2", device.BestIndex, 0, device.MsiX != 0 ? 2 : 1);
            client.Snapshot(device, "armed", 2);
            client.Fire(device, "fire", 0);
            client.MoveAffinity(device, "affinity", 1);
            client.Close("close_device", file);
        }

        client.Close("close_group", group);
    }
}
