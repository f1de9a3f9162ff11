using System.Runtime.CompilerServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>One open of a device: VFIO_GROUP_GET_DEVICE_FD.</summary>
internal sealed partial class DeviceFile(VfioDevice device) : ClientFile
{
    private const int RegionShift = 40;
    private const uint Region0Place = 16; // beyond every index of VFIO's

    private const int DeviceInfoMinimum = 16; // up to num_irqs
    private const int ChunkSize = 4096;

    internal VfioDevice Device => device;

    internal override string Name => $"device {device.Name}";

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument)
    {
        // vfio_device_pm_runtime_get: whatever is asked, a device that sleeps wakes for it.
        device.Wake();
        device.Synchronize();
        CallOutcome outcome = Answer(call, request, argument);
        device.Synchronize();
        return outcome;
    }

    private CallOutcome Answer(ClientCall call, uint request, ulong argument) => request switch
    {
        VfioIoctl.DeviceGetInfo => GetInfo(call, argument),
        VfioIoctl.DeviceGetRegionInfo => GetRegionInfo(call, argument),
        VfioIoctl.DeviceGetIrqInfo => GetIrqInfo(call, argument),
        VfioIoctl.DeviceSetIrqs => SetIrqs(call, argument),
        VfioIoctl.DeviceReset => device.Reset().Outcome(),
        VfioIoctl.DeviceGetPciHotResetInfo => GetHotResetInfo(call, argument),
        VfioIoctl.DevicePciHotReset => HotReset(call, argument),
        VfioIoctl.DeviceIoEventFd => SetIoEventFd(call, argument),
        VfioIoctl.DeviceFeature => Feature(call, argument),
        VfioIoctl.DeviceBindIommufd => BindIommufd(call, argument),
        _ => CallOutcome.Fail(Errno.ENOTTY),
    };

    internal override CallOutcome Read(ClientCall call, ulong address, ulong count, ulong offset)
    {
        if (count == 0)
        {
            return CallOutcome.Of(0); // before anything is looked at, as vfio_pci_rw does
        }

        device.Synchronize();
        (uint region, ulong at) = Locate(offset);
        if (IsPastConfig(region, at, count))
        {
            return CallOutcome.Fail(Errno.EFAULT, $"0x{at:x} + {count} is past the end of config space (0x{device.ConfigSize:x} bytes)");
        }

        Span<byte> buffer = stackalloc byte[ChunkSize];
        ulong done = 0;
        do
        {
            Span<byte> part = buffer[..Step(count - done, at)];
            Result<int> read = device.ReadRegion(region, at, part);
            if (!read.IsOk)
            {
                return done != 0 ? CallOutcome.Of((long)done) : CallOutcome.Fail(read.Errno, read.Reason);
            }

            if (!call.TryWrite(address + done, part[..read.Value]))
            {
                return done != 0 ? CallOutcome.Of((long)done) : CallOutcome.Fail(Errno.EFAULT);
            }

            done += (ulong)read.Value;
            at += (ulong)read.Value;
            if (read.Value < part.Length)
            {
                break;
            }
        }
        while (done < count);
        return CallOutcome.Of((long)done);
    }

    internal override CallOutcome Write(ClientCall call, ulong address, ulong count, ulong offset)
    {
        if (count == 0)
        {
            return CallOutcome.Of(0);
        }

        device.Synchronize();
        CallOutcome outcome = WriteRegion(call, address, count, offset);
        device.Synchronize();
        return outcome;
    }

    private CallOutcome WriteRegion(ClientCall call, ulong address, ulong count, ulong offset)
    {
        (uint region, ulong at) = Locate(offset);
        if (IsPastConfig(region, at, count))
        {
            return CallOutcome.Fail(Errno.EFAULT, $"0x{at:x} + {count} is past the end of config space (0x{device.ConfigSize:x} bytes)");
        }

        Span<byte> buffer = stackalloc byte[ChunkSize];
        ulong done = 0;
        do
        {
            Span<byte> part = buffer[..Step(count - done, at)];
            if (!call.TryRead(address + done, part))
            {
                return done != 0 ? CallOutcome.Of((long)done) : CallOutcome.Fail(Errno.EFAULT);
            }

            Result<int> written = device.WriteRegion(region, at, part);
            if (!written.IsOk)
            {
                return done != 0 ? CallOutcome.Of((long)done) : CallOutcome.Fail(written.Errno, written.Reason);
            }

            done += (ulong)written.Value;
            at += (ulong)written.Value;
            if (written.Value < part.Length)
            {
                break;
            }
        }
        while (done < count);
        return CallOutcome.Of((long)done);
    }

    /// <summary>
    /// Where a region begins in the device's file: index n at n &lt;&lt; 40, as vfio-pci has it. Region 0, which is at 0 there, is at 1 &lt;&lt; 44: no
    /// offset of a real file either, so the filter needs no table of descriptors (T1).
    /// </summary>
    internal static ulong OffsetOf(uint region) => (ulong)(region == 0 ? Region0Place : region) << RegionShift;

    internal static (uint Region, ulong At) Locate(ulong offset)
    {
        ulong place = offset >> RegionShift;
        return (place == Region0Place ? 0 : place is 0 ? Region0Place : (uint)place, offset & ((1UL << RegionShift) - 1));
    }

    // Config space is read and written whole or not at all; a BAR's end cuts the access short.
    private bool IsPastConfig(uint region, ulong at, ulong count) =>
        region == VfioRegionIndex.Config && (at > device.ConfigSize || count > device.ConfigSize - at);

    // Chunks end on chunk boundaries, so that a long access is cut where no register is.
    private static int Step(ulong left, ulong at) => (int)Math.Min(left, ChunkSize - (at & (ChunkSize - 1)));

    private CallOutcome GetInfo(ClientCall call, ulong argument)
    {
        if (!call.TryRead(argument, out uint argsz))
        {
            return CallOutcome.Fail(Errno.EFAULT);
        }

        if (argsz < DeviceInfoMinimum)
        {
            return CallOutcome.Fail(Errno.EINVAL);
        }

        VfioDeviceInfo info = device.GetInfo();
        VfioDeviceInfoArgs args = new()
        {
            Argsz = argsz,
            Flags = VfioDeviceInfoArgs.FlagPci | (info.CanReset ? VfioDeviceInfoArgs.FlagReset : 0),
            NumRegions = info.Regions,
            NumIrqs = info.Irqs,
        };
        return call.TryWrite(argument, in args, (int)Math.Min(argsz, (uint)Unsafe.SizeOf<VfioDeviceInfoArgs>()))
            ? CallOutcome.Of(0)
            : CallOutcome.Fail(Errno.EFAULT);
    }

    private CallOutcome GetRegionInfo(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioRegionInfoArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        Result<VfioRegionInfo> region = device.GetRegionInfo(args.Index);
        if (!region.IsOk)
        {
            return CallOutcome.Fail(region.Errno, region.Reason);
        }

        args.Flags = (region.Value.Readable ? VfioRegionInfoArgs.FlagRead : 0) | (region.Value.Writable ? VfioRegionInfoArgs.FlagWrite : 0);
        args.Size = region.Value.Size;
        args.Offset = OffsetOf(args.Index);
        return WriteRegionInfo(call, argument, ref args, region.Value);
    }

    private static CallOutcome Write<T>(ClientCall call, ulong argument, in T args)
        where T : unmanaged =>
        call.TryWrite(argument, in args, Unsafe.SizeOf<T>()) ? CallOutcome.Of(0) : CallOutcome.Fail(Errno.EFAULT);
}
