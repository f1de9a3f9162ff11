using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures;

/// <content>Devices: configuration space, BARs and interrupts.</content>
internal sealed partial class VfioClient
{
    public const uint Trigger = (uint)VfioIrqSetFlags.ActionTrigger;
    public const uint EventFds = (uint)VfioIrqSetFlags.DataEventfd;
    public const uint NoData = (uint)VfioIrqSetFlags.DataNone;
    public const uint Bools = (uint)VfioIrqSetFlags.DataBool;

    private const int NonBlockingCloexec = 0x800 | Sys.O_CLOEXEC;
    private const int IrqSetHead = 20;
    private const int FirstOfDevices = 128;
    private const int EventFdsADevice = 16;

    private readonly Dictionary<int, int> _eventFds = [];
    private int _nextEventFd = FirstOfDevices;

    /// <summary>Group, container, IOMMU type where asked for, device; null where one of them is refused.</summary>
    public (GroupFile Group, CaptureDevice Device)? OpenDevice(string prefix, string bdf, ContainerFile container, bool setIommu)
    {
        if (OpenGroup($"{prefix}.group.open", bdf) is not { } group)
        {
            return null;
        }

        GroupStatus($"{prefix}.group.status", group);
        if (SetContainer($"{prefix}.set_container", group, container) != 0
            || (setIommu && SetIommu($"{prefix}.set_iommu", container, VfioIommuType.Type1v2) != 0)
            || GetDevice($"{prefix}.get_device", group, bdf) is not { } file)
        {
            return null;
        }

        return (group, Prepare(file, bdf));
    }

    /// <summary>Finds the capabilities, as every driver does.</summary>
    public CaptureDevice Prepare(DeviceFile file, string bdf)
    {
        CaptureDevice device = new(file, bdf, _nextEventFd);
        _nextEventFd += EventFdsADevice;
        uint at = Config(device, PciHeader.CapabilitiesPointer, 1) & ~3u;
        for (int hops = 0; at != 0 && hops < 48; hops++)
        {
            switch (Config(device, (int)at, 1))
            {
                case PciCapabilityId.Msi:
                    device.Msi = (int)at;
                    break;
                case PciCapabilityId.MsiX:
                    device.MsiX = (int)at;
                    break;
            }

            at = Config(device, (int)at + 1, 1) & ~3u;
        }

        if (device.MsiX != 0)
        {
            uint table = Config(device, device.MsiX + 4, 4);
            device.TableBar = (int)(table & 7);
            device.TableOffset = table & ~7u;
            device.Vectors = (int)(Config(device, device.MsiX + 2, 2) & 0x7ff) + 1;
        }

        return device;
    }

    public long Read(CaptureDevice device, uint region, ulong offset, Span<byte> destination)
    {
        CallOutcome outcome = device.File.Read(_local.Call, _local.Address, (ulong)destination.Length, DeviceFile.OffsetOf(region) + offset);
        if (outcome.Errno == 0)
        {
            _local.Memory[..(int)outcome.Value].CopyTo(destination);
        }

        return outcome.Errno != 0 ? -outcome.Errno : outcome.Value;
    }

    public long Write(CaptureDevice device, uint region, ulong offset, ReadOnlySpan<byte> source)
    {
        source.CopyTo(_local.Memory);
        CallOutcome outcome = device.File.Write(_local.Call, _local.Address, (ulong)source.Length, DeviceFile.OffsetOf(region) + offset);
        return outcome.Errno != 0 ? -outcome.Errno : outcome.Value;
    }

    /// <summary>A value of configuration space as the user reads it; ones where the read fails.</summary>
    public uint Config(CaptureDevice device, int offset, int width)
    {
        Span<byte> bytes = stackalloc byte[4];
        bytes.Clear();
        return Read(device, VfioRegionIndex.Config, (ulong)offset, bytes[..width]) == width ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : uint.MaxValue;
    }

    public long WriteConfig(CaptureDevice device, int offset, uint value, int width)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Write(device, VfioRegionIndex.Config, (ulong)offset, bytes[..width]);
    }

    /// <summary>Memory decoding and bus mastering on.</summary>
    public void EnableMaster(CaptureDevice device) => WriteConfig(device, PciHeader.Command, 6, 2);

    public long SetIrqs(CaptureDevice device, string name, uint flags, uint index, uint start, uint count, ReadOnlySpan<int> fds) =>
        SetIrqs(device, name, flags, index, start, count, System.Runtime.InteropServices.MemoryMarshal.AsBytes(fds), 0);

    public long SetIrqs(CaptureDevice device, string name, uint flags, uint index, uint start, uint count, ReadOnlySpan<byte> data, int argszMore)
    {
        byte[] set = new byte[IrqSetHead + data.Length];
        uint argsz = (uint)(set.Length + argszMore);
        Put(set, 0, argsz);
        Put(set, 4, flags);
        Put(set, 8, index);
        Put(set, 12, start);
        Put(set, 16, count);
        data.CopyTo(set.AsSpan(IrqSetHead));
        long result = Ioctl(device.File, VfioIoctl.DeviceSetIrqs, set);
        JsonObject record = Recorder.Begin(name, "VFIO_DEVICE_SET_IRQS").Text("bdf", device.Bdf).Hex("flags", flags).Int("index", index)
            .Int("start", start).Int("count", count).Int("argsz", argsz);
        if ((flags & EventFds) != 0 && data.Length != 0)
        {
            JsonArray valid = [];
            for (int at = 0; at < data.Length; at += sizeof(int))
            {
                valid.Add(Math.Min(1, BinaryPrimitives.ReadInt32LittleEndian(data[at..])));
            }

            record.Node("fds_valid", valid);
        }

        Recorder.Done(record.Result(result));
        return result;
    }

    public long Arm(CaptureDevice device, string name, uint index, int start, int count) =>
        SetIrqs(device, name, EventFds | Trigger, index, (uint)start, (uint)count, EventFd(device.FirstEventFd + start, count));

    public void Disarm(CaptureDevice device, string name, uint index) => SetIrqs(device, name, NoData | Trigger, index, 0, 0, default(ReadOnlySpan<int>));

    /// <summary>VFIO_DEVICE_PCI_HOT_RESET with one group shown.</summary>
    public long HotReset(CaptureDevice device, GroupFile group)
    {
        byte[] reset = Words(16);
        Put(reset, 0, 12);
        Put(reset, 8, 1);
        int fd = _local.Give(group);
        Put(reset, 12, (uint)fd);
        long result = Ioctl(device.File, VfioIoctl.DevicePciHotReset, reset);
        Sys.Close(fd);
        return result;
    }

    /// <summary>Some of the client's eventfds.</summary>
    public int[] EventFd(int first, int count)
    {
        int[] fds = new int[count];
        for (int i = 0; i < count; i++)
        {
            if (!_eventFds.TryGetValue(first + i, out fds[i]))
            {
                fds[i] = (int)Sys.Call(Nr.EventFd2, 0, NonBlockingCloexec);
                Assert.True(fds[i] >= 0);
                _eventFds.Add(first + i, fds[i]);
            }
        }

        return fds;
    }

    /// <summary>What the eventfd counted since it was last read.</summary>
    public long ReadEventFd(int index)
    {
        Span<byte> count = stackalloc byte[8];
        return Sys.Read(EventFd(index, 1)[0], count) == 8 ? BinaryPrimitives.ReadInt64LittleEndian(count) : 0;
    }

    private void CloseEventFds()
    {
        foreach (int fd in _eventFds.Values)
        {
            Sys.Close(fd);
        }
    }
}
