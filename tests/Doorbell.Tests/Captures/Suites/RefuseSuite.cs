using System.Text.Json.Nodes;
using Doorbell.Linux.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suite refuse: a short walk with one device, which a board without MSI isolation stops at VFIO_SET_IOMMU (V3).</summary>
internal static class RefuseSuite
{
    private const string Bdf = "0000:00:01.0";

    /// <summary>Before and after the administrator allows unsafe interrupts.</summary>
    public static List<JsonObject> ReplayTwice(CaptureBoard board, Action<CaptureBoard>? between = null)
    {
        List<JsonObject> before = Replay(board);
        between?.Invoke(board);
        board.AllowUnsafeInterrupts();
        return [.. before, .. Replay(board)];
    }

    private static List<JsonObject> Replay(CaptureBoard board)
    {
        using VfioClient client = new(board);
        ContainerFile container = client.OpenContainer("container");
        GroupFile group = client.OpenGroup("group.open", Bdf)!;
        client.GroupStatus("status", group);
        client.SetContainer("set_container", group, container);
        client.CheckExtensions("ext", container);
        client.SetIommu("set_iommu.type1v2", container, VfioIommuType.Type1v2);
        client.SetIommu("set_iommu.type1", container, VfioIommuType.Type1);
        client.SetIommu("set_iommu.noiommu", container, 8);
        client.IommuInfo("info", container);
        if (client.GetDevice("get_device", group, Bdf) is { } file)
        {
            CaptureDevice device = client.Prepare(file, Bdf);
            client.EnableMaster(device);
            client.Map(container, "map", 0, 0x1_0000, client.Memory.Map(0x1_0000, ClientMemory.ReadWrite), VfioClient.ReadWrite);
            client.Arm(device, "arm2", device.BestIndex, 0, device.MsiX != 0 ? 2 : 1);
            client.Snapshot(device, "armed", 2);
            client.Fire(device, "fire", 0);
            client.MoveAffinity(device, "affinity", 1);
            client.Close("close_device", file);
        }

        client.Close("close_group", group);
        client.Close("close_container", container);
        return client.Recorder.Records;
    }
}
