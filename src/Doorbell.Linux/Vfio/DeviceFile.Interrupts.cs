using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <content>VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS and VFIO_DEVICE_IOEVENTFD.</content>
internal sealed partial class DeviceFile
{
    private CallOutcome GetIrqInfo(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioIrqInfoArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        Result<VfioIrqInfo> irq = device.GetIrqInfo(args.Index);
        if (!irq.IsOk)
        {
            return CallOutcome.Fail(irq.Errno, irq.Reason);
        }

        args.Flags = (uint)irq.Value.Flags;
        args.Count = irq.Value.Count;
        return Write(call, argument, in args);
    }

    private CallOutcome SetIrqs(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioIrqSetArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        // The header is judged first, then the data behind it is copied, then each descriptor is looked at where it is used (Defect).
        uint head = (uint)Unsafe.SizeOf<VfioIrqSetArgs>();
        VfioIrqSetFlags flags = (VfioIrqSetFlags)args.Flags;
        Result<int> size = device.GetIrqDataSize(flags, args.Index, args.Start, args.Count, args.Argsz - head);
        if (!size.IsOk)
        {
            return size.Outcome();
        }

        byte[] data = size.Value == 0 ? [] : new byte[size.Value];
        if (!call.TryRead(argument + head, data))
        {
            return CallOutcome.Fail(Errno.EFAULT);
        }

        if ((flags & VfioIrqSetFlags.DataEventfd) == 0)
        {
            return device.SetIrqs(flags, args.Index, args.Start, args.Count, data, default).Outcome();
        }

        ReadOnlySpan<int> fds = MemoryMarshal.Cast<byte, int>(data);
        if (args.Index is VfioIrqIndex.Error or VfioIrqIndex.Request && (flags & VfioIrqSetFlags.ActionAll) == VfioIrqSetFlags.ActionTrigger && fds is [< -1])
        {
            // Of these two indexes -1 lets go, and every other negative number leaves what there is (vfio_pci_set_ctx_trigger_single).
            return CallOutcome.Of(0);
        }

        IEventTrigger?[] triggers = new IEventTrigger?[fds.Length];
        bool isTrigger = (flags & VfioIrqSetFlags.ActionAll) == VfioIrqSetFlags.ActionTrigger;
        EventFd.Fetch(call, fds, triggers, isTrigger ? vector => call.Vectors.Of(device.Name, args.Index, args.Start + (uint)vector) : null);
        Result<int> result = device.SetIrqs(flags, args.Index, args.Start, args.Count, default, triggers);
        foreach (IEventTrigger? trigger in result is { IsOk: true, Value: 0 } ? triggers : [])
        {
            (trigger as EventFd)?.CountArmed();
        }

        return result.Outcome();
    }

    private CallOutcome SetIoEventFd(ClientCall call, ulong argument)
    {
        const uint SizeMask = VfioIoEventFdArgs.SizeMask;
        if (!call.TryReadArgs(argument, VfioIoEventFdArgs.Minimum, out VfioIoEventFdArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        // The flag is the size: exactly one of 1, 2, 4 and 8.
        if ((args.Flags & ~SizeMask) != 0 || args.Flags is not (1 or 2 or 4 or 8) || args.Fd < -1)
        {
            return CallOutcome.Fail(Errno.EINVAL);
        }

        IEventTrigger?[] source = new IEventTrigger?[1];
        EventFd.Fetch(call, [args.Fd], source);
        (uint region, ulong at) = Locate(args.Offset);
        return device.SetIoEvent(region, at, args.Data, (int)args.Flags, source[0]).Outcome();
    }
}
