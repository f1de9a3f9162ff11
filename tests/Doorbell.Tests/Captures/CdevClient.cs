using System.Text.Json.Nodes;
using Doorbell.Linux.Vfio;
using Doorbell.Pci;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Tests.Captures;

/// <summary>The captures' client at one cdev. Bound, its device is called through Doorbell.Linux's file as any device's; not bound, everything is EINVAL.</summary>
internal sealed class CdevClient
{
    private const int IrqSetHead = 20;

    // The order in which the board's devices were bound to vfio-pci.
    private static readonly string[] Numbers = ["0000:00:01.0", "0000:00:02.0", "0000:00:03.0"];

    private readonly VfioClient _client;
    private readonly string _bdf;

    public CdevClient(VfioClient client, string name, string bdf)
    {
        _client = client;
        _bdf = bdf;
        Result<VfioCdev> opened = client.Board.Host.OpenCdev(bdf);
        client.Recorder.Done(Recorder.Begin(name, "open(/dev/vfio/devices/vfioN)").Text("bdf", bdf)
            .Text("path", $"/dev/vfio/devices/vfio{Array.IndexOf(Numbers, bdf)}").Result(IommufdClient.Number(opened.WithoutValue)));
        Cdev = opened.Value;
    }

    public VfioCdev Cdev { get; }

    /// <summary>Its number once it is bound; else 0.</summary>
    public uint Id { get; private set; }

    /// <summary>The device, once <see cref="Prepare"/> has looked at it; null while it is not bound.</summary>
    public CaptureDevice? Device { get; private set; }

    private Recorder Records => _client.Recorder;

    public void Bind(string name, IommufdContext context, uint flags = 0)
    {
        Result<uint> bound = Cdev.BindIommufd(context, flags);
        JsonObject record = Recorder.Begin(name, "VFIO_DEVICE_BIND_IOMMUFD").Hex("flags", flags).Result(IommufdClient.Number(bound.WithoutValue));
        if (bound.IsOk)
        {
            Id = bound.Value;
            record.Int("out_devid", Id);
        }

        Records.Done(record);
    }

    public uint Attach(string name, uint id)
    {
        Result<uint> attached = Cdev.AttachIommufdPt(id);
        JsonObject record = Recorder.Begin(name, "VFIO_DEVICE_ATTACH_IOMMUFD_PT").Int("pt_id_in", id).Result(IommufdClient.Number(attached.WithoutValue));
        Records.Done(attached.IsOk ? record.Int("pt_id_out", attached.Value) : record);
        return attached.IsOk ? attached.Value : 0;
    }

    public void Detach(string name) => Records.Call(name, "VFIO_DEVICE_DETACH_IOMMUFD_PT", IommufdClient.Number(Cdev.DetachIommufdPt()));

    public void Close(string name)
    {
        Cdev.Release();
        Records.Call(name, "close", 0);
    }

    /// <summary>Finds capabilities and turns bus mastering on; nothing of it works before the cdev is bound.</summary>
    public void Prepare()
    {
        if (Cdev.GetDevice() is { IsOk: true } bound)
        {
            Device = _client.Prepare(new DeviceFile(bound.Value), _bdf);
            _client.EnableMaster(Device);
        }
    }

    public void Arm(string name, uint index, int start, int count)
    {
        if (Device is not null)
        {
            _client.Arm(Device, name, index, start, count);
            return;
        }

        JsonObject record = SetIrqs(name, VfioClient.EventFds | VfioClient.Trigger, index, start, count).Int("argsz", IrqSetHead + (4 * count));
        Records.Done(record.Node("fds_valid", new JsonArray([.. Enumerable.Repeat(1, count).Select(static one => (JsonNode)one)])).Result(Unbound));
    }

    public void Disarm(string name, uint index)
    {
        if (Device is not null)
        {
            _client.Disarm(Device, name, index);
            return;
        }

        Records.Done(SetIrqs(name, VfioClient.NoData | VfioClient.Trigger, index, 0, 0).Int("argsz", IrqSetHead).Result(Unbound));
    }

    public void Snapshot(string name, int entries)
    {
        if (Device is not null)
        {
            _client.Snapshot(Device, name, entries);
            return;
        }

        Records.Done(Recorder.Begin(name, "snapshot").Text("bdf", _bdf).Hex("user_command", uint.MaxValue).Hex("phys_command", PhysicalCommand));
    }

    public void Fire(string name)
    {
        if (Device is not null)
        {
            _client.Fire(Device, name, 0);
            return;
        }

        Records.Done(Recorder.Begin(name, "device raises interrupt").Text("bdf", _bdf).Text("how", "bar mmap failed").Int("vector", 0)
            .Int("eventfd_count", 0).Hex("phys_command", PhysicalCommand));
    }

    public void MoveAffinity(string prefix)
    {
        if (Device is not null)
        {
            _client.MoveAffinity(Device, prefix, 1);
        }
    }

    private long Unbound => IommufdClient.Number(Cdev.GetDevice().WithoutValue);

    private ulong PhysicalCommand => (ulong)Cdev.Device.Function.Config.Read16(PciHeader.Command);

    private JsonObject SetIrqs(string name, uint flags, uint index, int start, int count) =>
        Recorder.Begin(name, "VFIO_DEVICE_SET_IRQS").Text("bdf", _bdf).Hex("flags", flags).Int("index", index).Int("start", start).Int("count", count);
}
