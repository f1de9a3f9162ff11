using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <content>VFIO_DEVICE_GET_PCI_HOT_RESET_INFO and VFIO_DEVICE_PCI_HOT_RESET.</content>
internal sealed partial class DeviceFile
{
    private CallOutcome GetHotResetInfo(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioHotResetInfoArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        int head = Unsafe.SizeOf<VfioHotResetInfoArgs>();

        Result<int> count = device.CountHotReset();
        if (!count.IsOk)
        {
            return count.WithoutValue.Outcome();
        }

        // ENOSPC is an answer: the header comes back all the same, with the count there is to make room for (T12).
        args.Flags = 0;
        args.Count = (uint)count.Value;
        if (args.Count > (args.Argsz - (uint)head) / (uint)Unsafe.SizeOf<VfioDependentDeviceArgs>())
        {
            return CallOutcome.Fail(call.TryWrite(argument, in args, head) ? Errno.ENOSPC : Errno.EFAULT);
        }

        Result<IReadOnlyList<VfioDependentDevice>> reached = device.GetHotResetInfo();
        if (!reached.IsOk)
        {
            return reached.WithoutValue.Outcome();
        }

        VfioDependentDeviceArgs[] devices =
        [
            .. reached.Value.Select(static dependent => new VfioDependentDeviceArgs
            {
                Group = (uint)dependent.Group,
                Segment = dependent.Address.Segment,
                Bus = dependent.Address.Bus,
                DevFn = dependent.Address.DevFn,
            }),
        ];
        return call.TryWrite(argument + (ulong)head, MemoryMarshal.AsBytes(devices.AsSpan())) && call.TryWrite(argument, in args, head)
            ? CallOutcome.Of(0)
            : CallOutcome.Fail(Errno.EFAULT);
    }

    private CallOutcome HotReset(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioHotResetArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        if (args.Flags != 0 || args.Count == 0)
        {
            return CallOutcome.Fail(Errno.EINVAL);
        }

        int head = Unsafe.SizeOf<VfioHotResetArgs>();

        Result<int> count = device.CountHotReset();
        if (!count.IsOk)
        {
            return count.WithoutValue.Outcome();
        }

        // A group a function is the most there can be, so that no client makes this copy at its pleasure.
        if (args.Count > (uint)count.Value)
        {
            return CallOutcome.Fail(Errno.EINVAL);
        }

        int[] fds = new int[args.Count];
        if (!call.TryRead(argument + (ulong)head, MemoryMarshal.AsBytes(fds.AsSpan())))
        {
            return CallOutcome.Fail(Errno.EFAULT);
        }

        List<VfioGroup> groups = [];
        foreach (int fd in fds)
        {
            if (call.FileOf(fd) is not GroupFile file)
            {
                int copy = call.CopyFd(fd);
                Sys.CloseAside(copy);
                return CallOutcome.Fail(copy < 0 ? Errno.EBADF : Errno.EINVAL);
            }

            groups.Add(file.Group);
        }

        return device.HotReset(groups).Outcome();
    }
}
