using System.Buffers.Binary;
using System.Text;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Linux;

/// <summary>The uAPI's structures in a client's memory; errno and argsz as the kernel answered in the captures' type1.jsonl and device.jsonl.</summary>
public sealed class VfioFileTests : IDisposable
{
    private const int EventFdNonBlocking = 0x800;

    private readonly Board _board = new();
    private readonly LocalClient _client;
    private readonly MachineHost _host;
    private readonly ClientFile _container;
    private readonly ClientFile _group;

    public VfioFileTests()
    {
        _client = new LocalClient(_board.Machine.Events);
        _host = new MachineHost(_board.Machine, new VfioOptions());
        _container = Board.Ok(_host.Open("/dev/vfio/vfio"));
        _group = Board.Ok(_host.Open($"/dev/vfio/{_board.GroupOf().Id}"));
    }

    public void Dispose()
    {
        _client.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void A_whole_client_goes_through_structures_and_descriptors()
    {
        DeviceFile device = Assign();
        int[] eventFds = [NewEventFd(), NewEventFd()];

        Assert.Equal(0, SetIrqs(device, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 2, eventFds[0], eventFds[1]));
        Assert.Equal(0, SetIrqs(device, VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 2));
        Assert.All(eventFds, fd => Assert.Equal(1ul, ReadEventFd(fd)));

        device.Release();
        Array.ForEach(eventFds, Sys.Close);
    }

    [Fact]
    public void GET_INFO_with_too_little_room_names_what_it_needs_and_then_gives_the_whole_chain()
    {
        Assign();
        VfioType1InfoArgs info = new() { Argsz = 16 };
        Assert.Equal(0, _client.Ioctl(_container, VfioIoctl.IommuGetInfo, ref info));
        Assert.Equal(3u, info.Flags);
        Assert.Equal(0x4020_1000ul, info.PageSizes);
        uint needed = info.Argsz;
        Assert.True(needed > 24);

        info = new() { Argsz = needed };
        Assert.Equal(0, _client.Ioctl(_container, VfioIoctl.IommuGetInfo, ref info));
        Assert.Equal(24u, info.CapOffset);

        // Dirty bitmaps, dma_avail, then the usable ranges: the window is cut out (I9).
        ReadOnlySpan<byte> chain = _client.Memory;
        Assert.Equal(VfioCapabilityHeader.Migration, BinaryPrimitives.ReadUInt16LittleEndian(chain[24..]));
        Assert.Equal((0x1000ul, 0x1000_0000ul), (BinaryPrimitives.ReadUInt64LittleEndian(chain[40..]), BinaryPrimitives.ReadUInt64LittleEndian(chain[48..])));
        int first = BinaryPrimitives.ReadInt32LittleEndian(chain[28..]);
        int second = BinaryPrimitives.ReadInt32LittleEndian(chain[(first + 4)..]);
        Assert.Equal((VfioCapabilityHeader.DmaAvailable, 65535u), (BinaryPrimitives.ReadUInt16LittleEndian(chain[first..]), BinaryPrimitives.ReadUInt32LittleEndian(chain[(first + 8)..])));
        Assert.Equal(VfioCapabilityHeader.IovaRange, BinaryPrimitives.ReadUInt16LittleEndian(chain[second..]));
        Assert.Equal(0, BinaryPrimitives.ReadInt32LittleEndian(chain[(second + 4)..]));
        ulong[] ends = [.. Enumerable.Range(0, 4).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(_client.Memory[(second + 16 + (8 * i))..]))];
        Assert.Equal([0, 0x7ff_ffff, 0x810_0000, 0xffff_ffff_ffff], ends);
        Assert.Equal(needed, (uint)second + 48);
    }

    [Theory]
    [InlineData(16u, 16)]
    [InlineData(20u, 20)]
    [InlineData(64u, 20)]
    public void V2_GET_INFO_of_the_series_says_that_MSIs_need_a_window_and_of_how_many_pages_as_far_as_there_is_room(uint argsz, int written)
    {
        using MachineHost host = new(_board.Machine, new VfioOptions { Uapi = VfioUapi.ReservedIovaV6 });
        ClientFile container = Board.Ok(host.Open("/dev/vfio/vfio"));
        ClientFile group = Board.Ok(host.Open($"/dev/vfio/{_board.GroupOf().Id}"));
        int containerFd = _client.Give(container);
        Assert.Equal(0, _client.Ioctl(group, VfioIoctl.GroupSetContainer, ref containerFd));
        Assert.Equal(0, _client.Ioctl(container, VfioIoctl.SetIommu, VfioIommuType.Type1v2));
        VfioType1InfoV6Args info = new() { Argsz = argsz, MsiIovaPages = 0xdead, Pad = 0xbeef };
        Assert.Equal(0, _client.Ioctl(container, VfioIoctl.IommuGetInfo, ref info));
        Assert.Equal((argsz, 3u, 0x4020_1000ul, written < 20 ? 0xdeadu : 1, 0xbeefu), (info.Argsz, info.Flags, info.PageSizes, info.MsiIovaPages, info.Pad));

        // V1: bit 2 of MAP_DMA registers it, with no memory behind it.
        VfioDmaMapArgs map = new() { Argsz = 32, Flags = 1 << 2, Iova = 0x0c00_0000, Size = 0x1000 };
        Assert.Equal(0, _client.Ioctl(container, VfioIoctl.IommuMapDma, ref map));
        Assert.Equal(-(int)Errno.EEXIST, _client.Ioctl(container, VfioIoctl.IommuMapDma, ref map));
        group.Release();
        container.Release();
    }

    [Fact]
    public void A_structure_that_is_too_small_is_EINVAL_and_one_that_is_not_there_is_EFAULT()
    {
        DeviceFile device = Assign();
        (ClientFile File, uint Request, uint Size)[] calls =
        [
            (_container, VfioIoctl.IommuGetInfo, 16),
            (_container, VfioIoctl.IommuMapDma, 32),
            (_container, VfioIoctl.IommuUnmapDma, 24),
            (_group, VfioIoctl.GroupGetStatus, 8),
            (device, VfioIoctl.DeviceGetInfo, 16),
            (device, VfioIoctl.DeviceGetRegionInfo, 32),
            (device, VfioIoctl.DeviceGetIrqInfo, 16),
            (device, VfioIoctl.DeviceSetIrqs, 20),
            (device, VfioIoctl.DeviceGetPciHotResetInfo, 12),
        ];
        Assert.All(calls, call =>
        {
            uint argsz = call.Size - 1;
            Assert.Equal(-(int)Errno.EINVAL, _client.Ioctl(call.File, call.Request, ref argsz));
            Assert.Equal(-(int)Errno.EFAULT, _client.Ioctl(call.File, call.Request, LocalClient.Nowhere));
        });
    }

    [Fact]
    public void What_the_kernel_would_not_know_is_ENOTTY_and_before_SET_IOMMU_EINVAL()
    {
        Assert.Equal(-(int)Errno.EINVAL, _client.Ioctl(_container, 0x3b7f, 0ul));
        DeviceFile device = Assign();
        Assert.All([_container, _group, device], file => Assert.Equal(-(int)Errno.ENOTTY, _client.Ioctl(file, 0x3b7f, 0ul)));
    }

    [Fact]
    public void T1_Every_region_lies_where_no_ordinary_file_has_bytes()
    {
        DeviceFile device = Assign();
        for (uint index = 0; index < VfioRegionIndex.Vga; index++)
        {
            VfioRegionInfoArgs region = new() { Argsz = 32, Index = index };
            Assert.Equal(0, _client.Ioctl(device, VfioIoctl.DeviceGetRegionInfo, ref region));
            Assert.Equal(index == 0 ? 1ul << 44 : (ulong)index << 40, region.Offset);
        }
    }

    [Fact]
    public void Config_space_is_read_and_written_through_the_clients_memory()
    {
        DeviceFile device = Assign();
        ulong config = DeviceFile.OffsetOf(VfioRegionIndex.Config);
        Assert.Equal(4, device.Read(_client.Call, _client.Address, 4, config).Value);
        Assert.Equal(0xdb01_1234, BinaryPrimitives.ReadUInt32LittleEndian(_client.Memory));

        _client.Memory[0] = 0x06;
        _client.Memory[1] = 0;
        Assert.Equal(2, device.Write(_client.Call, _client.Address, 2, config + 4).Value);
        Assert.Equal(6, (int)_board.Physical().Function.Command & 6);

        Assert.Equal((int)Errno.EFAULT, device.Read(_client.Call, LocalClient.Nowhere, 4, config).Errno);
        Assert.Equal((int)Errno.EFAULT, device.Write(_client.Call, LocalClient.Nowhere, 4, config).Errno);
    }

    [Fact]
    public void SET_CONTAINER_tells_a_wrong_file_from_none()
    {
        int other = NewEventFd();
        Assert.Equal(-(int)Errno.EBADFD, _client.Ioctl(_group, VfioIoctl.GroupSetContainer, ref other));
        Sys.Close(other);
        int none = -1;
        Assert.Equal(-(int)Errno.EBADF, _client.Ioctl(_group, VfioIoctl.GroupSetContainer, ref none));
    }

    [Fact]
    public void T7_A_trigger_must_be_an_eventfd()
    {
        DeviceFile device = Assign();
        const VfioIrqSetFlags Arm = VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger;
        int file = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDWR | Sys.O_CLOEXEC);
        int eventFd = NewEventFd();

        Assert.Equal(-(int)Errno.EINVAL, SetIrqs(device, Arm, VfioIrqIndex.MsiX, 2, eventFd, file));
        Assert.Equal(-(int)Errno.EBADF, SetIrqs(device, Arm, VfioIrqIndex.MsiX, 2, eventFd, 1 << 20));
        Assert.Equal(0, SetIrqs(device, Arm, VfioIrqIndex.MsiX, 2, eventFd, -1));

        Sys.Close(file);
        Sys.Close(eventFd);
    }

    [Fact]
    public void T12_HOT_RESET_INFO_with_too_little_room_is_ENOSPC_and_says_how_many_there_are()
    {
        DeviceFile device = Assign();
        VfioHotResetInfoArgs info = new() { Argsz = 12 };
        Assert.Equal(-(int)Errno.ENOSPC, _client.Ioctl(device, VfioIoctl.DeviceGetPciHotResetInfo, ref info));
        Assert.Equal(1u, info.Count);
    }

    [Fact]
    public void MAP_DMA_sees_that_the_clients_memory_is_there()
    {
        Assign();
        VfioDmaMapArgs map = new() { Argsz = 32, Flags = 3, VirtualAddress = 0x1000, Iova = 0x1000_0000, Size = 0x1000 };
        Assert.Equal(-(int)Errno.EFAULT, _client.Ioctl(_container, VfioIoctl.IommuMapDma, ref map));
        map.VirtualAddress = _client.Address + 0x1000;
        Assert.Equal(0, _client.Ioctl(_container, VfioIoctl.IommuMapDma, ref map));
        VfioDmaUnmapArgs unmap = new() { Argsz = 24, Iova = 0x1000_0000, Size = 0x1000 };
        Assert.Equal(0, _client.Ioctl(_container, VfioIoctl.IommuUnmapDma, ref unmap));
        Assert.Equal(0x1000ul, unmap.Size);
    }

    private DeviceFile Assign()
    {
        int containerFd = _client.Give(_container);
        Assert.Equal(0, _client.Ioctl(_group, VfioIoctl.GroupSetContainer, ref containerFd));
        Assert.Equal(0, _client.Ioctl(_container, VfioIoctl.SetIommu, VfioIommuType.Type1v2));
        Encoding.ASCII.GetBytes("0000:01:00.0\0").CopyTo(_client.Memory);
        CallOutcome opened = _group.Ioctl(_client.Call, VfioIoctl.GroupGetDeviceFd, _client.Address);
        Assert.Equal(0, opened.Errno);
        return Assert.IsType<DeviceFile>(opened.File);
    }

    private int SetIrqs(ClientFile device, VfioIrqSetFlags flags, uint index, uint count, params int[] fds)
    {
        Span<byte> memory = _client.Memory;
        uint[] head = [(uint)(20 + (4 * fds.Length)), (uint)flags, index, 0, count];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(head.AsSpan()).CopyTo(memory);
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(fds.AsSpan()).CopyTo(memory[20..]);
        return _client.Ioctl(device, VfioIoctl.DeviceSetIrqs, _client.Address);
    }

    private static int NewEventFd() => (int)Sys.Call(Nr.EventFd2, 0, EventFdNonBlocking);

    private static ulong ReadEventFd(int fd)
    {
        Span<byte> count = stackalloc byte[8];
        return Sys.Read(fd, count) == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(count) : 0;
    }
}
