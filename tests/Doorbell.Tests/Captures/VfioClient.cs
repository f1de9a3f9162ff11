using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Tests.Linux;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures;

/// <summary>
/// The captures' client: each method makes one call with the uAPI's structures in real memory and records it with the fields and the spelling
/// of the original. The structures go through Doorbell.Linux's files, as they would from another process; only seccomp is not there.
/// </summary>
internal sealed partial class VfioClient : IDisposable
{
    public const uint ReadWrite = (uint)(VfioMapFlags.Read | VfioMapFlags.Write);

    private const int MapArgs = 32;
    private const int UnmapArgs = 24;
    private const int BitmapAt = 0x2000;

    private readonly ClientAddressSpaces _spaces = new();
    private readonly LocalClient _local;

    public VfioClient(CaptureBoard board)
    {
        Board = board;
        Recorder = new Recorder(board);
        _local = new LocalClient(board.Machine.Events);
    }

    public CaptureBoard Board { get; }

    public Recorder Recorder { get; }

    public ClientMemory Memory { get; } = new();

    public void Dispose()
    {
        CloseEventFds();
        _local.Dispose();
        Memory.Dispose();
    }

    public ContainerFile OpenContainer(string name)
    {
        ContainerFile file = new(Board.Host.OpenContainer(), _spaces);
        Recorder.Call(name, "open(/dev/vfio/vfio)", 0);
        return file;
    }

    public GroupFile? OpenGroup(string name, string bdf)
    {
        int number = Board.GroupOf(bdf);
        bool isNoIommu = Board.Host.Groups.TryGetValue(number, out VfioGroup? found) && found.Group.IsNoIommu;
        Result<VfioGroup> opened = isNoIommu ? Board.Host.OpenNoIommuGroup(number) : Board.Host.OpenGroup(number);
        Recorder.Done(Recorder.Begin(name, "open(/dev/vfio/GROUP)").Text("bdf", bdf).Int("group", number)
            .Text("path", $"/dev/vfio/{(isNoIommu ? "noiommu-" : string.Empty)}{number}").Flag("noiommu", isNoIommu).Result(opened.IsOk ? 0 : -(long)opened.Errno));
        return opened.IsOk ? new GroupFile(opened.Value) : null;
    }

    public long OpenGroupAgain(string name, string bdf)
    {
        Result<VfioGroup> opened = Board.Host.OpenGroup(Board.GroupOf(bdf));
        return Recorder.Call(name, "open(/dev/vfio/GROUP)", opened.IsOk ? 0 : -(long)opened.Errno);
    }

    public void GroupStatus(string name, GroupFile group)
    {
        byte[] status = Words(8);
        long result = Ioctl(group, VfioIoctl.GroupGetStatus, status);
        JsonObject record = Recorder.Begin(name, "VFIO_GROUP_GET_STATUS").Result(result);
        if (result == 0)
        {
            uint flags = Word(status, 4);
            record.Hex("flags", flags).Flag("viable", (flags & 1) != 0).Flag("container_set", (flags & 2) != 0);
        }

        Recorder.Done(record);
    }

    public long SetContainer(string name, GroupFile group, ContainerFile container)
    {
        int fd = _local.Give(container);
        long result = SetContainer(name, group, fd);
        Doorbell.Linux.Native.Sys.Close(fd);
        return result;
    }

    public long SetContainer(string name, GroupFile group, int fd)
    {
        byte[] argument = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(argument, fd);
        return Recorder.Call(name, "VFIO_GROUP_SET_CONTAINER", Ioctl(group, VfioIoctl.GroupSetContainer, argument));
    }

    public void UnsetContainer(string name, GroupFile group) =>
        Recorder.Call(name, "VFIO_GROUP_UNSET_CONTAINER", _local.Ioctl(group, VfioIoctl.GroupUnsetContainer, 0));

    public long SetIommu(string name, ContainerFile container, uint type)
    {
        long result = _local.Ioctl(container, VfioIoctl.SetIommu, type);
        Recorder.Done(Recorder.Begin(name, "VFIO_SET_IOMMU").Int("type", type).Result(result));
        return result;
    }

    public DeviceFile? GetDevice(string name, GroupFile group, string bdf)
    {
        byte[] text = Encoding.ASCII.GetBytes(bdf + "\0");
        text.CopyTo(_local.Memory);
        CallOutcome outcome = group.Ioctl(_local.Call, VfioIoctl.GroupGetDeviceFd, _local.Address);
        Recorder.Done(Recorder.Begin(name, "VFIO_GROUP_GET_DEVICE_FD").Text("bdf", bdf).Result(-outcome.Errno));
        return outcome.File as DeviceFile;
    }

    /// <summary>The last descriptor of the file is closed.</summary>
    public void Close(string name, ClientFile file)
    {
        file.Release();
        Recorder.Call(name, "close", 0);
    }

    public void CheckExtensions(string prefix, ContainerFile container) =>
        CheckExtensions(prefix, extension => _local.Ioctl(container, VfioIoctl.CheckExtension, extension));

    public void CheckExtensions(string prefix, Func<ulong, int> check)
    {
        (int Number, string Name)[] extensions =
        [
            (0, "0"), (1, "TYPE1_IOMMU"), (2, "SPAPR_TCE_IOMMU"), (3, "TYPE1v2_IOMMU"), (4, "DMA_CC_IOMMU"), (5, "EEH"), (6, "TYPE1_NESTING_IOMMU"),
            (7, "SPAPR_TCE_v2_IOMMU"), (8, "NOIOMMU_IOMMU"), (9, "UNMAP_ALL"), (10, "UPDATE_VADDR"), (11, "11"), (12, "12"), (99, "99"),
        ];
        foreach ((int number, string name) in extensions)
        {
            long result = check((ulong)number);
            Recorder.Done(Recorder.Begin($"{prefix}.{name}", "VFIO_CHECK_EXTENSION").Int("ext", number).Result(result));
        }
    }

    public void IommuInfo(string name, ContainerFile container)
    {
        byte[] info = Words(24);
        long result = Ioctl(container, VfioIoctl.IommuGetInfo, info);
        JsonObject record = Recorder.Begin(name, "VFIO_IOMMU_GET_INFO").Result(result);
        if (result == 0)
        {
            uint needed = Word(info, 0);
            record.Int("argsz_needed", needed).Hex("flags_small", Word(info, 4)).Int("cap_offset_small", Word(info, 16));
            byte[] whole = Words((int)needed);
            Ioctl(container, VfioIoctl.IommuGetInfo, whole);
            record.Hex("flags", Word(whole, 4)).Hex("iova_pgsizes", Long(whole, 8)).Int("cap_offset", Word(whole, 16))
                .Node("caps", InfoCapabilities(whole, Word(whole, 16)));
        }

        Recorder.Done(record);
    }

    public long Map(ContainerFile container, string name, ulong iova, ulong size, ulong vaddr, uint flags, uint argsz = MapArgs)
    {
        byte[] map = new byte[MapArgs];
        Put(map, 0, argsz);
        Put(map, 4, flags);
        PutLong(map, 8, vaddr);
        PutLong(map, 16, iova);
        PutLong(map, 24, size);
        long result = Ioctl(container, VfioIoctl.IommuMapDma, map);
        Recorder.Done(Recorder.Begin(name, "VFIO_IOMMU_MAP_DMA")
            .Hex("iova", iova).Hex("size", size).Hex("flags", flags).Int("argsz", Word(map, 0)).Hex("vaddr_page_offset", vaddr & 0xfff).Result(result));
        return result;
    }

    public void Unmap(ContainerFile container, string name, ulong iova, ulong size, uint flags, uint argsz = UnmapArgs)
    {
        byte[] unmap = UnmapArguments(argsz, flags, iova, size, UnmapArgs);
        long result = Ioctl(container, VfioIoctl.IommuUnmapDma, unmap);
        Recorder.Done(Recorder.Begin(name, "VFIO_IOMMU_UNMAP_DMA")
            .Hex("iova", iova).Hex("size", size).Hex("flags", flags).Int("argsz", argsz).Result(result).Hex("size_out", Long(unmap, 16)));
    }

    public void UnmapDirty(ContainerFile container, string name, ulong iova, ulong size, ulong pageSize, ulong bitmapBytes)
    {
        byte[] unmap = UnmapArguments(UnmapArgs + 24, (uint)VfioUnmapFlags.GetDirtyBitmap, iova, size, UnmapArgs + 24);
        PutBitmap(unmap, UnmapArgs, pageSize, bitmapBytes);
        long result = Ioctl(container, VfioIoctl.IommuUnmapDma, unmap);
        JsonObject record = Recorder.Begin(name, "VFIO_IOMMU_UNMAP_DMA").Hex("flags", 1).Hex("iova", iova).Hex("size", size)
            .Hex("pgsize", pageSize).Int("bitmap_bytes", (long)bitmapBytes).Result(result).Hex("size_out", Long(unmap, 16));
        AddBitmap(record, result);
    }

    public void DirtyControl(ContainerFile container, string name, uint flags)
    {
        byte[] dirty = Words(8);
        Put(dirty, 4, flags);
        long result = Ioctl(container, VfioIoctl.IommuDirtyPages, dirty);
        Recorder.Done(Recorder.Begin(name, "VFIO_IOMMU_DIRTY_PAGES").Hex("flags", flags).Result(result));
    }

    public void DirtyGet(ContainerFile container, string name, ulong iova, ulong size, ulong pageSize, ulong bitmapBytes)
    {
        const uint GetBitmap = 4;
        byte[] dirty = Words(48);
        Put(dirty, 4, GetBitmap);
        PutLong(dirty, 8, iova);
        PutLong(dirty, 16, size);
        PutBitmap(dirty, 24, pageSize, bitmapBytes);
        long result = Ioctl(container, VfioIoctl.IommuDirtyPages, dirty);
        JsonObject record = Recorder.Begin(name, "VFIO_IOMMU_DIRTY_PAGES").Hex("flags", GetBitmap).Hex("iova", iova).Hex("size", size)
            .Hex("pgsize", pageSize).Int("bitmap_bytes", (long)bitmapBytes).Result(result);
        AddBitmap(record, result);
    }

    /// <summary>An ioctl whose argument is a number or points nowhere.</summary>
    public void Raw(string name, string call, ClientFile file, uint request, ulong argument) =>
        Recorder.Call(name, call, _local.Ioctl(file, request, argument));

    internal long Ioctl(ClientFile file, uint request, byte[] argument)
    {
        argument.CopyTo(_local.Memory);
        long result = _local.Ioctl(file, request, _local.Address);
        _local.Memory[..argument.Length].CopyTo(argument);
        return result;
    }

    /// <summary>A structure of this size that begins with its argsz.</summary>
    internal static byte[] Words(int size)
    {
        byte[] bytes = new byte[size];
        Put(bytes, 0, (uint)size);
        return bytes;
    }

    internal static uint Word(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    internal static ulong Long(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));

    internal static void Put(byte[] bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);

    internal static void PutLong(byte[] bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);

    private static byte[] UnmapArguments(uint argsz, uint flags, ulong iova, ulong size, int length)
    {
        byte[] unmap = new byte[length];
        Put(unmap, 0, argsz);
        Put(unmap, 4, flags);
        PutLong(unmap, 8, iova);
        PutLong(unmap, 16, size);
        return unmap;
    }

    // struct vfio_bitmap: pgsize, size, data.
    private void PutBitmap(byte[] bytes, int offset, ulong pageSize, ulong size)
    {
        _local.Memory[BitmapAt..].Clear();
        PutLong(bytes, offset, pageSize);
        PutLong(bytes, offset + 8, size);
        PutLong(bytes, offset + 16, _local.Address + BitmapAt);
    }

    private void AddBitmap(JsonObject record, long result)
    {
        if (result == 0)
        {
            record.Bytes("bitmap", _local.Memory.Slice(BitmapAt, 16));
        }

        Recorder.Done(record);
    }

    private static JsonArray InfoCapabilities(byte[] info, uint offset)
    {
        JsonArray capabilities = [];
        while (offset != 0)
        {
            int at = (int)offset;
            ushort id = BinaryPrimitives.ReadUInt16LittleEndian(info.AsSpan(at));
            uint next = Word(info, at + 4);
            JsonObject capability = new JsonObject().Int("id", id).Int("version", BinaryPrimitives.ReadUInt16LittleEndian(info.AsSpan(at + 2)))
                .Int("offset", offset).Int("next", next);
            switch (id)
            {
                case 1:
                    JsonArray ranges = [];
                    uint count = Word(info, at + 8);
                    for (int i = 0; i < count; i++)
                    {
                        ranges.Add(new JsonObject().Hex("start", Long(info, at + 16 + (16 * i))).Hex("end", Long(info, at + 24 + (16 * i))));
                    }

                    capability.Text("cap", "iova_range").Int("nr_iovas", count).Node("ranges", ranges);
                    break;
                case 2:
                    capability.Text("cap", "migration").Hex("flags", Word(info, at + 8)).Hex("pgsize_bitmap", Long(info, at + 16)).Hex("max_dirty_bitmap_size", Long(info, at + 24));
                    break;
                case 3:
                    capability.Text("cap", "dma_avail").Int("avail", Word(info, at + 8));
                    break;
            }

            capabilities.Add(capability);
            offset = next;
        }

        return capabilities;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
