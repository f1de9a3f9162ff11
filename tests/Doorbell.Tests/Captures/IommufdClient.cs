using System.Text.Json.Nodes;
using Doorbell.Linux.Vfio;
using Doorbell.Tests.Linux;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Tests.Captures;

/// <summary>
/// The captures' client at /dev/iommu: each method makes one call with plain arguments, where structures are the transport's, and records it
/// with the fields and the spelling of the original.
/// </summary>
internal sealed class IommufdClient : IDisposable
{
    private readonly LocalClient _local;
    private readonly ClientAddressSpaces _spaces = new();

    public IommufdClient(VfioClient client)
    {
        Client = client;
        _local = new LocalClient(client.Board.Machine.Events);
        Memory = _spaces.Of(_local.Call, out _)!;
    }

    public VfioClient Client { get; }

    public IClientAddressSpace Memory { get; }

    /// <summary>The open /dev/iommu that calls go to.</summary>
    public IommufdContext Context { get; private set; } = null!;

    private Recorder Recorder => Client.Recorder;

    public void Dispose() => _local.Dispose();

    /// <summary>open("/dev/iommu"), which the original records the first time only.</summary>
    public IommufdContext Open(string? name = null)
    {
        Context = Client.Board.Host.OpenIommufd();
        if (name is not null)
        {
            Recorder.Call(name, "open(/dev/iommu)", 0);
        }

        return Context;
    }

    public void Use(IommufdContext context) => Context = context;

    public void Close(string name)
    {
        Context.Release();
        Recorder.Call(name, "close", 0);
    }

    public uint AllocateIoas(string name, uint flags = 0)
    {
        Result<uint> result = Context.AllocateIoas(flags);
        Done(Recorder.Begin(name, "IOMMU_IOAS_ALLOC").Hex("flags", flags), result, "out_ioas_id");
        return Value(result);
    }

    public void Destroy(string name, uint id) =>
        Recorder.Done(Recorder.Begin(name, "IOMMU_DESTROY").Int("id", id).Result(Number(Context.Destroy(id))));

    public void Ranges(string name, uint ioas, uint entries = 64)
    {
        Result<IoasIovaRanges> asked = Context.GetIovaRanges(ioas);
        Result room = asked.IsOk ? asked.Value.CheckRoom(entries) : asked.WithoutValue;
        JsonObject record = Recorder.Begin(name, "IOMMU_IOAS_IOVA_RANGES").Int("ioas_id", ioas).Int("num_in", entries).Result(Number(room))
            .Int("num_out", asked.IsOk ? asked.Value.Ranges.Count : entries);
        if (room.IsOk)
        {
            record.Hex("alignment", asked.Value.Alignment).Node("ranges", Ranges(asked.Value.Ranges));
        }

        Recorder.Done(record);
    }

    public void Allow(string name, uint ioas, params (ulong First, ulong Last)[] ranges)
    {
        IovaRange[] wanted = [.. ranges.Select(static range => new IovaRange(new Iova(range.First), new Iova(range.Last)))];
        Result result = Context.AllowIovas(ioas, wanted);
        Recorder.Done(Recorder.Begin(name, "IOMMU_IOAS_ALLOW_IOVAS").Int("ioas_id", ioas).Node("ranges", Ranges(wanted)).Result(Number(result)));
    }

    public Result<Iova> Map(string name, uint ioas, IoasMapFlags flags, ulong iova, ulong length, ulong vaddr)
    {
        Result<Iova> result = Context.Map(flags, ioas, vaddr, length, new Iova(iova), Memory);
        JsonObject record = Recorder.Begin(name, "IOMMU_IOAS_MAP").Int("ioas_id", ioas).Hex("flags", (uint)flags).Hex("iova_in", iova).Hex("length", length)
            .Hex("vaddr_page_offset", vaddr & 0xfff).Result(Number(result.WithoutValue));
        Recorder.Done(result.IsOk ? record.Hex("iova_out", result.Value.Value) : record);
        return result;
    }

    public void Unmap(string name, uint ioas, ulong iova, ulong length)
    {
        Result<ulong> result = Context.Unmap(ioas, new Iova(iova), length);
        Recorder.Done(Recorder.Begin(name, "IOMMU_IOAS_UNMAP").Int("ioas_id", ioas).Hex("iova", iova).Hex("length", length)
            .Result(Number(result.WithoutValue)).Hex("length_out", result.IsOk ? result.Value : length));
    }

    public void Copy(string name, uint to, uint from, IoasMapFlags flags, ulong length, ulong toIova, ulong fromIova)
    {
        Result<Iova> result = Context.Copy(flags, to, from, length, new Iova(toIova), new Iova(fromIova));
        JsonObject record = Recorder.Begin(name, "IOMMU_IOAS_COPY").Int("dst_ioas", to).Int("src_ioas", from).Hex("flags", (uint)flags).Hex("length", length)
            .Hex("dst_iova_in", toIova).Hex("src_iova", fromIova).Result(Number(result.WithoutValue));
        Recorder.Done(result.IsOk ? record.Hex("dst_iova_out", result.Value.Value) : record);
    }

    public void Option(string name, uint option, ushort operation, uint id, ulong value)
    {
        Result<ulong> result = Context.Option((IommufdOption)option, (IommufdOptionOperation)operation, id, value);
        JsonObject record = Recorder.Begin(name, "IOMMU_OPTION").Int("option", option).Int("op", operation).Int("object", id).Hex("val_in", value)
            .Result(Number(result.WithoutValue));
        Recorder.Done(result.IsOk ? record.Hex("val_out", result.Value) : record);
    }

    public uint AllocateHwpt(string name, uint device, uint parent, HwptAllocFlags flags = HwptAllocFlags.None, HwptDataType type = HwptDataType.None)
    {
        Result<uint> result = Context.AllocateHwpt(flags, device, parent, type, type == HwptDataType.None ? 0u : 16);
        Done(Recorder.Begin(name, "IOMMU_HWPT_ALLOC").Int("dev_id", device).Int("pt_id", parent).Hex("flags", (uint)flags).Int("data_type", (long)type), result, "out_hwpt_id");
        return Value(result);
    }

    public void HardwareInfo(string name, uint device, int length)
    {
        Result<IommufdHardwareInfo> result = Context.GetHardwareInfo(device);
        JsonObject record = Recorder.Begin(name, "IOMMU_GET_HW_INFO").Int("dev_id", device).Int("data_len_in", length).Result(Number(result.WithoutValue));
        if (result.IsOk)
        {
            byte[] buffer = new byte[length];
            result.Value.Data.Span[..Math.Min(length, result.Value.Data.Length)].CopyTo(buffer);
            record.Int("data_len_out", result.Value.Data.Length).Int("out_data_type", (long)result.Value.Type)
                .Hex("out_capabilities", (ulong)result.Value.Capabilities).Int("out_max_pasid_log2", result.Value.MaxPasidLog2).Bytes("data", buffer);
        }

        Recorder.Done(record);
    }

    public void SetDirtyTracking(string name, uint hwpt, uint flags) =>
        Recorder.Done(Recorder.Begin(name, "IOMMU_HWPT_SET_DIRTY_TRACKING").Int("hwpt", hwpt).Int("flags", flags).Result(Number(Context.SetDirtyTracking(hwpt, flags))));

    /// <summary>A call whose record has its result and perhaps a number.</summary>
    public void Done(string name, string call, Result<uint> result, string key) => Done(Recorder.Begin(name, call), result, key);

    public void Done(string name, string call, Result result) => Recorder.Call(name, call, Number(result));

    public static long Number(Result result) => -(long)result.Errno;

    private static uint Value(Result<uint> result) => result.IsOk ? result.Value : 0;

    private static JsonArray Ranges(IEnumerable<IovaRange> ranges) =>
        [.. ranges.Select(static range => new JsonObject().Hex("start", range.First.Value).Hex("last", range.Last.Value))];

    private void Done(JsonObject record, Result<uint> result, string key)
    {
        record.Result(Number(result.WithoutValue));
        Recorder.Done(result.IsOk ? record.Int(key, result.Value) : record);
    }
}
