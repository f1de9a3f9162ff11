using System.Reflection;
using Doorbell.Linux.Native;
using Doorbell.Linux.Seccomp;
using Doorbell.Linux.Uapi;

namespace Doorbell.Tests.Abi;

public class SystemCallTests
{
    /// <summary>Names that are not just ours in lower case.</summary>
    private static readonly Dictionary<string, string> Spelling = new()
    {
        ["PidfdSendSignal"] = "pidfd_send_signal",
        ["PidfdOpen"] = "pidfd_open",
        ["PidfdGetFd"] = "pidfd_getfd",
        ["IoSetup"] = "io_setup",
        ["IoGetEvents"] = "io_getevents",
        ["IoSubmit"] = "io_submit",
        ["ProcessVmReadv"] = "process_vm_readv",
        ["ProcessVmWritev"] = "process_vm_writev",
        ["ExitGroup"] = "exit_group",
        ["InotifyAddWatch"] = "inotify_add_watch",
        ["InotifyRmWatch"] = "inotify_rm_watch",
        ["InotifyInit1"] = "inotify_init1",
        ["EpollCtl"] = "epoll_ctl",
        ["EpollPwait"] = "epoll_pwait",
        ["EpollCreate1"] = "epoll_create1",
        ["OpenTree"] = "open_tree",
        ["MoveMount"] = "move_mount",
        ["MountSetAttr"] = "mount_setattr",
        ["RtSigaction"] = "rt_sigaction",
    };

    [SkippableFact]
    public void Every_system_call_has_the_number_of_the_systems_header()
    {
        FieldInfo[] calls = typeof(Nr).GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic);
        Assert.NotEmpty(calls);
        Compare("sys/syscall.h", [.. calls.Select(call => ($"SYS_{NameOf(call.Name)}", Convert.ToInt64(call.GetValue(null), null)))]);
    }

    [SkippableFact]
    public void The_filter_knows_the_system_calls_of_the_systems_header_by_number()
    {
        PropertyInfo[] calls = [.. typeof(FilterArchitecture).GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(call => call.PropertyType == typeof(int) || call.PropertyType == typeof(int?))];
        Assert.NotEmpty(calls);
        Compare("sys/syscall.h", Numbers(calls, FilterArchitecture.Native, "SYS_"));
        // The generic table, which is arm64's: its header can be read on any machine.
        Compare("asm-generic/unistd.h", Numbers(calls, FilterArchitecture.Arm64, "__NR_"), "#define __BITS_PER_LONG 64\n#define __ARCH_WANT_NEW_STAT\n");
    }

    [SkippableFact]
    public void Seccomps_numbers_are_those_of_the_systems_headers()
    {
        Compare("linux/seccomp.h",
        [
            ("SECCOMP_SET_MODE_FILTER", SeccompUapi.SetModeFilter),
            ("SECCOMP_GET_NOTIF_SIZES", SeccompUapi.GetNotifSizes),
            ("SECCOMP_FILTER_FLAG_NEW_LISTENER", SeccompUapi.FlagNewListener),
            ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SeccompUapi.FlagWaitKillableRecv),
            ("SECCOMP_RET_ALLOW", SeccompUapi.RetAllow),
            ("SECCOMP_RET_USER_NOTIF", SeccompUapi.RetUserNotif),
            ("SECCOMP_IOCTL_NOTIF_RECV", SeccompUapi.NotifRecv),
            ("SECCOMP_IOCTL_NOTIF_SEND", SeccompUapi.NotifSend),
            ("SECCOMP_IOCTL_NOTIF_ID_VALID", SeccompUapi.NotifIdValid),
            ("SECCOMP_IOCTL_NOTIF_ADDFD", SeccompUapi.NotifAddFd),
            ("SECCOMP_USER_NOTIF_FLAG_CONTINUE", SeccompUapi.RespFlagContinue),
            ("SECCOMP_ADDFD_FLAG_SEND", SeccompUapi.AddFdFlagSend),
            ("offsetof(struct seccomp_data, nr)", SeccompUapi.DataNr),
            ("offsetof(struct seccomp_data, arch)", SeccompUapi.DataArch),
            ("offsetof(struct seccomp_data, args[3])", SeccompUapi.DataArgLow(3)),
        ]);
        Compare("linux/audit.h",
        [
            ("AUDIT_ARCH_X86_64", SeccompUapi.AuditArchX64),
            ("AUDIT_ARCH_I386", SeccompUapi.AuditArchI386),
            ("AUDIT_ARCH_AARCH64", SeccompUapi.AuditArchArm64),
            ("AUDIT_ARCH_ARM", SeccompUapi.AuditArchArm),
        ]);
    }

    [SkippableFact]
    public void Every_ioctl_of_VFIO_has_the_number_of_the_systems_header() => Compare("linux/vfio.h",
    [
        ("VFIO_TYPE", VfioIoctl.Type),
        ("VFIO_BASE", VfioIoctl.Base),
        .. ByName(VfioIoctl.NameOnContainer, VfioIoctl.GetApiVersion, VfioIoctl.CheckExtension, VfioIoctl.SetIommu, VfioIoctl.IommuGetInfo,
            VfioIoctl.IommuMapDma, VfioIoctl.IommuUnmapDma, VfioIoctl.IommuEnable, VfioIoctl.IommuDisable, VfioIoctl.IommuDirtyPages),
        .. ByName(VfioIoctl.NameOf, VfioIoctl.GroupGetStatus, VfioIoctl.GroupSetContainer, VfioIoctl.GroupUnsetContainer,
            VfioIoctl.GroupGetDeviceFd, VfioIoctl.DeviceGetInfo, VfioIoctl.DeviceGetRegionInfo, VfioIoctl.DeviceGetIrqInfo,
            VfioIoctl.DeviceSetIrqs, VfioIoctl.DeviceReset, VfioIoctl.DeviceGetPciHotResetInfo, VfioIoctl.DevicePciHotReset,
            VfioIoctl.DeviceQueryGfxPlane, VfioIoctl.DeviceGetGfxDmabuf, VfioIoctl.DeviceIoEventFd, VfioIoctl.DeviceFeature),
    ]);

    [SkippableFact]
    public void KVMs_ioctl_that_the_filter_traps_has_the_number_of_the_systems_header() =>
        Compare("linux/kvm.h", [("KVM_SET_DEVICE_ATTR", FilterProgram.KvmSetDeviceAttr)]);

    private static (string Name, long Value)[] ByName(Func<uint, string> nameOf, params uint[] requests) =>
        [.. requests.Select(request => (nameOf(request), (long)request))];

    private static (string Name, long Value)[] Numbers(PropertyInfo[] calls, FilterArchitecture architecture, string prefix) =>
        [.. calls.Where(call => call.GetValue(architecture) is not null)
            .Select(call => ($"{prefix}{NameOf(call.Name)}", Convert.ToInt64(call.GetValue(architecture), null)))];

    private static string NameOf(string ours) => Spelling.GetValueOrDefault(ours) ?? ours.ToLowerInvariant();

    private static void Compare(string header, (string Name, long Value)[] ours, string before = "")
    {
        long[] theirs = SystemHeaders.Evaluate([header], [.. ours.Select(one => one.Name)], before);
        Assert.Equal(ours.Zip(theirs, (one, value) => (one.Name, value)), ours);
    }
}
