using System.Globalization;
using Doorbell.Events;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;

namespace Doorbell.Linux.Reporting;

/// <summary>What an errno of a call means in the uAPI (linux/vfio.h, the manual pages): the general explanation of a failure that nobody explained in particular.</summary>
internal static class CallMeaning
{
    /// <summary>The refusal of the call being answered.</summary>
    /// <param name="call">The call.</param>
    /// <param name="errno">What it is answered.</param>
    /// <param name="reason">What whoever refused it had to say; null for nothing.</param>
    internal static Refusal Explain(ClientCall call, Errno errno, string? reason)
    {
        bool isArgsz = reason is null && errno == Errno.EINVAL && IsShortArgsz(call);
        return new()
        {
            Operation = CallText.NameOf(call),
            Subject = CallText.SubjectOf(call),
            Errno = errno,
            Reason = reason ?? (isArgsz ? $"argsz {CallText.Word(call, 0)} is less than the structure's {Minimum(call)} bytes" : Meaning(call, errno)),
            Severity = isArgsz || IsOrdinary(call, errno) ? TroubleSeverity.Note : TroubleSeverity.Error,
        };
    }

    /// <summary>Programs ask so as a matter of course, and go on with the answer.</summary>
    private static bool IsOrdinary(ClientCall call, Errno errno) => call.Kind == CallKind.Ioctl && (uint)call.Request switch
    {
        _ when errno == Errno.ENOTTY => true, // is the call there?
        VfioIoctl.DeviceFeature when call.File is DeviceFile => true, // is the feature there?
        VfioIoctl.DeviceGetPciHotResetInfo when call.File is DeviceFile => errno is Errno.ENOSPC or Errno.ENODEV, // how many devices? can it be done?
        VfioIoctl.DeviceGetRegionInfo or VfioIoctl.DeviceGetIrqInfo when call.File is DeviceFile => errno == Errno.EINVAL, // which regions are there?
        VfioIoctl.DeviceSetIrqs => errno == Errno.EINVAL && CallText.Word(call, 16) == 0, // disabled to be sure, armed or not
        _ => false,
    };

    private static bool IsShortArgsz(ClientCall call) => CallText.Word(call, 0) is { } argsz && argsz < Minimum(call);

    /// <summary>Bytes the kernel wants argsz to say at least; 0 where the argument is none of those structures.</summary>
    private static uint Minimum(ClientCall call) => call.Kind != CallKind.Ioctl ? 0u : (uint)call.Request switch
    {
        VfioIoctl.IommuGetInfo when call.File is ContainerFile => 16,
        VfioIoctl.IommuMapDma when call.File is ContainerFile => 32,
        VfioIoctl.IommuUnmapDma when call.File is ContainerFile => 24,
        VfioIoctl.IommuDirtyPages when call.File is ContainerFile => 8,
        VfioIoctl.GroupGetStatus when call.File is GroupFile => 8,
        VfioIoctl.DeviceGetInfo when call.File is DeviceFile => 16,
        VfioIoctl.DeviceGetRegionInfo when call.File is DeviceFile => 32,
        VfioIoctl.DeviceGetIrqInfo when call.File is DeviceFile => 16,
        VfioIoctl.DeviceSetIrqs when call.File is DeviceFile => 20,
        VfioIoctl.DeviceGetPciHotResetInfo when call.File is DeviceFile => 12,
        VfioIoctl.DevicePciHotReset when call.File is DeviceFile => 12,
        VfioIoctl.DeviceIoEventFd when call.File is DeviceFile => 28,
        VfioIoctl.DeviceFeature when call.File is DeviceFile => 8,
        _ => 0,
    };

    private static string Meaning(ClientCall call, Errno errno) => (call.Kind, errno) switch
    {
        (CallKind.Ioctl, Errno.EFAULT) => $"the call could not read or write its argument: 0x{call.Argument:x} (or what it points to) is not memory of the program's with room for it",
        (CallKind.Ioctl, Errno.ENOTTY) => $"{SubjectKind(call)} has no such call, or it is not served",
        (CallKind.Ioctl, Errno.EINVAL) => Invalid(call),
        (CallKind.Ioctl, Errno.EBADF) => "a descriptor that the argument names is not open",
        (CallKind.Ioctl, Errno.EBADFD) => "the descriptor that the argument names is no container",
        (CallKind.Ioctl, Errno.ENOSPC) => "the answer does not fit the room that argsz gives it",
        (CallKind.Read or CallKind.Write, Errno.EFAULT) => $"the program's buffer at 0x{call.Argument:x} is not memory it can use so",
        (CallKind.Read or CallKind.Write, Errno.EINVAL) when call.File is not DeviceFile => $"{SubjectKind(call)} has no regions: only a device is read and written",
        (CallKind.Read or CallKind.Write, Errno.EINVAL) => "the offset is in no region of the device (VFIO_DEVICE_GET_REGION_INFO says where they are)",
        (CallKind.Open, Errno.EBUSY) => "it is open already, and has one owner at a time",
        (CallKind.Open, Errno.EEXIST) => "O_CREAT | O_EXCL asks for a file that is not there yet",
        (CallKind.Open, (Errno)20) => "it is no directory, as O_DIRECTORY asks for",
        (_, Errno.EPERM) => "the program may not be looked at, or may not do this",
        (_, Errno.ENOMEM) => "there is no room for it",
        _ => string.Create(CultureInfo.InvariantCulture, $"the kernel's answer to such a call (errno {(int)errno})"),
    };

    private static string Invalid(ClientCall call) => (uint)call.Request switch
    {
        _ when call.File is ContainerFile { Container.HasIommu: false } => "the container has no IOMMU type yet: add a group (VFIO_GROUP_SET_CONTAINER) and choose one (VFIO_SET_IOMMU) first",
        VfioIoctl.GroupSetContainer when call.File is GroupFile => "the group has a container already, or the descriptor is no container",
        VfioIoctl.GroupGetDeviceFd when call.File is GroupFile => "the argument is no string of less than a page",
        VfioIoctl.DevicePciHotReset when call.File is DeviceFile => "flags must be 0, and the descriptors those of the groups that VFIO_DEVICE_GET_PCI_HOT_RESET_INFO named, no more and no others",
        _ => "an argument is out of its range, or flags are set that mean nothing to this call",
    };

    private static string SubjectKind(ClientCall call) => call.File switch
    {
        ContainerFile => "a container",
        GroupFile => "a group",
        DeviceFile => "a device",
        _ => "this kind of file",
    };
}
