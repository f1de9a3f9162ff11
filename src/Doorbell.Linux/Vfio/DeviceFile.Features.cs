using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <content>VFIO_DEVICE_FEATURE, and what is asked of a cdev only.</content>
internal sealed partial class DeviceFile
{
    private CallOutcome Feature(ClientCall call, ulong argument)
    {
        const uint NumberMask = 0xffff;
        if (!call.TryReadArgs(argument, out VfioDeviceFeatureArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        uint head = (uint)Unsafe.SizeOf<VfioDeviceFeatureArgs>();
        VfioFeatureFlags flags = (VfioFeatureFlags)(args.Flags & ~NumberMask);
        uint number = args.Flags & NumberMask;
        Result<int> size = device.GetFeatureDataSize(flags, number, args.Argsz - head);
        if (!size.IsOk)
        {
            return size.WithoutValue.Outcome();
        }

        if ((flags & VfioFeatureFlags.Probe) != 0)
        {
            return CallOutcome.Of(0);
        }

        byte[] data = size.Value == 0 ? [] : new byte[size.Value];
        if (!call.TryRead(argument + head, data))
        {
            return CallOutcome.Fail(Errno.EFAULT);
        }

        IEventTrigger?[] wakeup = new IEventTrigger?[1];
        if (number == VfioFeature.LowPowerEntryWithWakeup)
        {
            EventFd.Fetch(call, [BinaryPrimitives.ReadInt32LittleEndian(data)], wakeup);
        }

        return device.Feature(flags, number, data, wakeup[0]).Outcome();
    }

    // Only a cdev is bound; of a device that was opened through its group the kernel looks at the structure and says EINVAL.
    private static CallOutcome BindIommufd(ClientCall call, ulong argument) =>
        CallOutcome.Fail(call.TryRead(argument, out uint argsz) && (argsz < VfioBindIommufd.Minimum || call.TryRead(argument, new byte[VfioBindIommufd.Minimum])) ? Errno.EINVAL : Errno.EFAULT);
}
