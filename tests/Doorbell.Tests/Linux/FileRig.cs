using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Linux;

/// <summary>A container, a group and a pci-test device as the transport has them, with this process as the client.</summary>
internal sealed class FileRig : IDisposable
{
    private const int NonBlocking = 0x800;

    private readonly MachineHost _host;

    public FileRig(VfioOptions? options = null)
    {
        Client = new LocalClient(Board.Machine.Events);
        _host = new MachineHost(Board.Machine, options ?? new VfioOptions());
        Container = Vfio.Board.Ok(_host.Open("/dev/vfio/vfio"));
        Group = Vfio.Board.Ok(_host.Open($"/dev/vfio/{Board.GroupOf().Id}"));
        int containerFd = Client.Give(Container);
        Assert.Equal(0, Client.Ioctl(Group, VfioIoctl.GroupSetContainer, ref containerFd));
        Sys.Close(containerFd);
    }

    public Board Board { get; } = new();

    public LocalClient Client { get; }

    public ClientFile Container { get; }

    public ClientFile Group { get; }

    /// <summary>A descriptor of a file that is no eventfd.</summary>
    public int NoEventFd { get; } = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDWR | Sys.O_CLOEXEC);

    public DeviceFile Device { get; private set; } = null!;

    /// <summary>SET_IOMMU and GET_DEVICE_FD.</summary>
    public FileRig Assign(uint type = VfioIommuType.Type1v2, bool reopen = false)
    {
        if (!reopen)
        {
            Assert.Equal(0, Client.Ioctl(Container, VfioIoctl.SetIommu, type));
        }

        CallOutcome opened = GetDevice("0000:01:00.0");
        Assert.Equal(0, opened.Errno);
        Device = Assert.IsType<DeviceFile>(opened.File);
        return this;
    }

    public CallOutcome GetDevice(string name)
    {
        Encoding.ASCII.GetBytes(name + '\0').CopyTo(Client.Memory);
        return Group.Ioctl(Client.Call, VfioIoctl.GroupGetDeviceFd, Client.Address);
    }

    /// <summary>An ioctl whose argument are these words.</summary>
    public int Ioctl(ClientFile file, uint request, params uint[] words)
    {
        MemoryMarshal.AsBytes(words.AsSpan()).CopyTo(Client.Memory);
        return Client.Ioctl(file, request, Client.Address);
    }

    /// <summary>The same with the structure at the very end of what there is: a byte more is EFAULT.</summary>
    public int IoctlAtTheEnd(ClientFile file, uint request, params uint[] words)
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(words.AsSpan());
        bytes.CopyTo(Client.LastBytes(bytes.Length));
        return Client.Ioctl(file, request, Client.EndAddress - (ulong)bytes.Length);
    }

    public int SetIrqs(VfioIrqSetFlags flags, uint index, uint start, uint count, params int[] fds) =>
        Ioctl(Device, VfioIoctl.DeviceSetIrqs, [(uint)(20 + (4 * fds.Length)), (uint)flags, index, start, count, .. fds.Select(static fd => (uint)fd)]);

    public int SetIoEventFd(uint region, ulong offset, ulong data, uint size, int fd)
    {
        ulong at = DeviceFile.OffsetOf(region) + offset;
        return Ioctl(Device, VfioIoctl.DeviceIoEventFd, 32, size, (uint)at, (uint)(at >> 32), (uint)data, (uint)(data >> 32), (uint)fd, 0);
    }

    public void EnableMemory()
    {
        ulong command = DeviceFile.OffsetOf(VfioRegionIndex.Config) + 4;
        Client.Memory[0] = 6;
        Client.Memory[1] = 0;
        Assert.Equal(2, Device.Write(Client.Call, Client.Address, 2, command).Value);
    }

    public void Write(Doorbell.Devices.PciTestDevice.Register register, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Client.Memory, value);
        Assert.Equal(4, Device.Write(Client.Call, Client.Address, 4, DeviceFile.OffsetOf(0) + (ulong)register).Value);
    }

    public uint Read(Doorbell.Devices.PciTestDevice.Register register)
    {
        Assert.Equal(4, Device.Read(Client.Call, Client.Address, 4, DeviceFile.OffsetOf(0) + (ulong)register).Value);
        return BinaryPrimitives.ReadUInt32LittleEndian(Client.Memory);
    }

    public static int NewEventFd(uint count = 0) => (int)Sys.Call(Nr.EventFd2, (nint)count, NonBlocking);

    public static void Signal(int eventFd) => Assert.Equal(8, Sys.Write(eventFd, BitConverter.GetBytes(1UL)));

    /// <summary>What was counted since the last look.</summary>
    public static ulong Take(int eventFd)
    {
        Span<byte> count = stackalloc byte[8];
        return Sys.Read(eventFd, count) == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(count) : 0;
    }

    public void Dispose()
    {
        Device?.Release();
        Group.Release();
        Container.Release();
        Sys.Close(NoEventFd);
        Client.Dispose();
        _host.Dispose();
    }
}
