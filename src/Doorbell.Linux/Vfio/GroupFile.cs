using System.Runtime.CompilerServices;
using System.Text;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>One open of /dev/vfio/N.</summary>
internal sealed class GroupFile(VfioGroup group) : ClientFile
{
    private const int NameLimit = 4096; // strndup_user(PAGE_SIZE)

    internal VfioGroup Group => group;

    internal override string Name => group.Name;

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument) => request switch
    {
        VfioIoctl.GroupGetStatus => GetStatus(call, argument),
        VfioIoctl.GroupSetContainer => SetContainer(call, argument),
        VfioIoctl.GroupUnsetContainer => group.UnsetContainer().Outcome(),
        VfioIoctl.GroupGetDeviceFd => GetDevice(call, argument),
        _ => CallOutcome.Fail(Errno.ENOTTY),
    };

    internal override void Release() => group.Release();

    private CallOutcome GetStatus(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioGroupStatus status, out CallOutcome refusal))
        {
            return refusal;
        }

        status.Flags = (uint)group.GetStatus();
        return call.TryWrite(argument, in status, Unsafe.SizeOf<VfioGroupStatus>()) ? CallOutcome.Of(0) : CallOutcome.Fail(Errno.EFAULT);
    }

    private CallOutcome SetContainer(ClientCall call, ulong argument)
    {
        if (!call.TryRead(argument, out int fd))
        {
            return CallOutcome.Fail(Errno.EFAULT);
        }

        if (call.FileOf(fd) is ContainerFile file)
        {
            return group.SetContainer(file.Container).Outcome();
        }

        // No such descriptor, or a file that is no container.
        int copy = call.CopyFd(fd);
        if (copy < 0)
        {
            return CallOutcome.Fail(-copy);
        }

        Sys.CloseAside(copy);
        bool hasContainer = (group.GetStatus() & VfioGroupFlags.ContainerSet) != 0;
        return CallOutcome.Fail(hasContainer ? Errno.EINVAL : Errno.EBADFD);
    }

    private CallOutcome GetDevice(ClientCall call, ulong argument)
    {
        Span<byte> buffer = stackalloc byte[NameLimit];
        int length = ReadString(call, argument, buffer);
        if (length < 0)
        {
            return CallOutcome.Fail(-length);
        }

        Result<VfioDevice> device = group.OpenDevice(Message.Printable(Encoding.UTF8.GetString(buffer[..length])));
        return device.IsOk ? CallOutcome.Open(new DeviceFile(device.Value), closeOnExec: true) : CallOutcome.Fail(device.Errno, device.Reason);
    }

    // Up to the next page boundary at a time: the string may end right before memory that is not there.
    private static int ReadString(ClientCall call, ulong address, Span<byte> buffer)
    {
        const int Page = 4096;
        int have = 0;
        while (have < buffer.Length)
        {
            int step = Math.Min(buffer.Length - have, Page - (int)((address + (ulong)have) & (Page - 1)));
            if (!call.TryRead(address + (ulong)have, buffer.Slice(have, step)))
            {
                return -(int)Errno.EFAULT;
            }

            int end = buffer.Slice(have, step).IndexOf((byte)0);
            if (end >= 0)
            {
                return have + end;
            }

            have += step;
        }

        return -(int)Errno.EINVAL;
    }
}
