using System.Buffers.Binary;
using Doorbell.Devices;
using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Linux;

/// <summary>A device's file whose regions are mapped: the memory behind it, what it says, when it is released.</summary>
public sealed class RegionFileTests : IDisposable
{
    private const ulong Doorbells = (1ul << 44) + 0x1000;
    private const int ReadWriteShared = 1;

    private readonly MappedBoard _board = new(new NvmeDevice(new MemoryBlockBackend(1 << 20)));
    private readonly LocalClient _client;
    private readonly VfioDevice _device;
    private readonly DeviceFile _file;

    public RegionFileTests()
    {
        _client = new LocalClient(_board.Machine.Events);
        _device = _board.Open();
        _file = new DeviceFile(_device);
    }

    public void Dispose() => _client.Dispose();

    [Fact]
    public void REGION_INFO_says_with_too_little_room_what_it_needs_and_then_which_parts_can_be_mapped()
    {
        VfioRegionInfoArgs info = new() { Argsz = 32 };
        Assert.Equal(0, _client.Ioctl(_file, VfioIoctl.DeviceGetRegionInfo, ref info));
        Assert.Equal((0xfu, 64u, 0u), (info.Flags, info.Argsz, info.CapOffset));

        Assert.Equal(0, _client.Ioctl(_file, VfioIoctl.DeviceGetRegionInfo, ref info));
        Assert.Equal((0xfu, 64u, 32u), (info.Flags, info.Argsz, info.CapOffset));
        ReadOnlySpan<byte> capability = _client.Memory.Slice(32, 32);
        Assert.Equal((1, 1, 0u), (BinaryPrimitives.ReadUInt16LittleEndian(capability), BinaryPrimitives.ReadUInt16LittleEndian(capability[2..]), BinaryPrimitives.ReadUInt32LittleEndian(capability[4..])));
        Assert.Equal((1u, 0x1000ul, 0x1000ul), (BinaryPrimitives.ReadUInt32LittleEndian(capability[8..]), BinaryPrimitives.ReadUInt64LittleEndian(capability[16..]), BinaryPrimitives.ReadUInt64LittleEndian(capability[24..])));
    }

    [Fact]
    public void T5_A_store_into_the_mapping_reaches_the_device_without_a_call()
    {
        int fd = _client.Give(_file);
        Assert.True(_file.Map(Doorbells - 0x1000, 0x2000, isShared: true)!.Value.IsPassed);
        nint registers = Mapped(fd, Doorbells - 0x1000, 0x2000);

        Assert.Equal(0x0001_0400u, Load(registers + 8));
        Store(registers + 0x24, uint.MaxValue);
        SpinWait.SpinUntil(() => Load(registers + 0x24) == 0x0fff_0fff, TimeSpan.FromSeconds(20));
        Assert.Equal(0x0fff_0fffu, Load(registers + 0x24));

        Unmap(registers, 0x2000);
        Sys.Close(fd);
        _client.Files.Drain();
        Assert.False(_board.Function.IsMapped);
    }

    [Fact]
    public void T4_The_release_comes_with_the_last_munmap()
    {
        int fd = _client.Give(_file);
        Assert.True(_file.Map(Doorbells, 0x1000, isShared: true)!.Value.IsPassed);
        nint doorbells = Mapped(fd, Doorbells, 0x1000);
        Sys.Close(fd);
        _client.Files.Drain();
        Assert.Equal((1, true), (_client.Files.Count, _device.IsMapped));

        Unmap(doorbells, 0x1000);
        _client.Files.Drain();
        Assert.Equal((0, false), (_client.Files.Count, _device.IsMapped));
        Assert.Equal(-1, _client.Files.Patience);
    }

    [Fact]
    public void Two_opens_of_a_device_share_its_memory_and_are_released_together()
    {
        VfioDevice again = Board.Ok(_board.Group.OpenDevice(MappedBoard.Slot));
        int first = _client.Give(_file);
        int second = _client.Give(new DeviceFile(again));
        nint one = Mapped(first, Doorbells, 0x1000), other = Mapped(second, Doorbells, 0x1000);
        Store(one, 7);
        Assert.Equal(7u, Load(other));

        Sys.Close(first);
        Unmap(one, 0x1000);
        _client.Files.Drain();
        Assert.Equal(1, _client.Files.Count);
        Sys.Close(second);
        Unmap(other, 0x1000);
        _client.Files.Drain();
        Assert.Equal(0, _client.Files.Count);
        _board.Group.Release();
        _board.Container.Release();
        Assert.True(_board.Host.IsIdle);
    }

    [Fact]
    public void The_next_client_finds_nothing_of_the_last_ones_stores()
    {
        int fd = _client.Give(_file);
        nint doorbells = Mapped(fd, Doorbells, 0x1000);
        Store(doorbells, 7);
        Unmap(doorbells, 0x1000);
        Sys.Close(fd);
        _client.Files.Drain();

        fd = _client.Give(new DeviceFile(Board.Ok(_board.Group.OpenDevice(MappedBoard.Slot))));
        doorbells = Mapped(fd, Doorbells, 0x1000);
        Assert.Equal(0u, Load(doorbells));
        Unmap(doorbells, 0x1000);
        Sys.Close(fd);
    }

    [Fact]
    public void T1_A_read_at_the_files_position_finds_its_end()
    {
        int fd = _client.Give(_file);
        Assert.Equal(0, Sys.Read(fd, new byte[8]));
        Sys.Close(fd);
    }

    [Fact]
    public void A_client_that_takes_the_pages_away_hurts_nobody_else()
    {
        const int PunchHoleKeepSize = 3;
        int fd = _client.Give(_file);
        Assert.True(_file.Map(Doorbells - 0x1000, 0x2000, isShared: true)!.Value.IsPassed);
        Assert.Equal(0, Sys.Call(Nr.Fallocate, fd, PunchHoleKeepSize, unchecked((nint)(Doorbells - 0x1000)), 0x2000));
        _device.Synchronize();
        Assert.Equal(0, Sys.Truncate(fd, 0));
        _device.Synchronize();
        Assert.Equal(0x0001_0400u, BinaryPrimitives.ReadUInt32LittleEndian(Board.Ok(ReadRegister(8))));
        Sys.Close(fd);
        _client.Files.Drain();
        Assert.Equal(0, _client.Files.Count);
    }

    private Result<byte[]> ReadRegister(ulong offset)
    {
        byte[] bytes = new byte[4];
        Result<int> read = _device.ReadRegion(0, offset, bytes);
        return read.IsOk ? bytes : read.WithoutValue;
    }

    private static nint Mapped(int fd, ulong offset, int length)
    {
        nint address = Sys.Call(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? 222 : 9, 0, length, 3, ReadWriteShared, fd, (nint)offset);
        Assert.True(address is > 0 or < -4095, $"mmap: {(Errno)(-address)}");
        return address;
    }

    private static void Unmap(nint address, int length) =>
        Assert.Equal(0, Sys.Call(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? 215 : 11, address, length));

    private static unsafe uint Load(nint address) => Volatile.Read(ref *(uint*)address);

    private static unsafe void Store(nint address, uint value) => Volatile.Write(ref *(uint*)address, value);
}
