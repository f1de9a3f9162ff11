using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;

namespace Doorbell.Linux.Seccomp;

/// <summary>
/// The client's seccomp filter (T1): traps what may concern an emulated file, lets everything else run at full speed.
/// </summary>
/// <remarks>
/// BPF sees argument registers, neither files nor memory. So what is trapped is told by number: ioctls of VFIO's type,
/// offsets only our regions have, opens for writing. The supervisor lets through what turns out not to be ours.
/// </remarks>
internal static class FilterProgram
{
    /// <summary>VFIO's and iommufd's ioctl type (Documentation/userspace-api/ioctl/ioctl-number.rst); nothing else uses it.</summary>
    internal const uint VfioType = ';';

    /// <summary>_IOW(KVMIO, 0xe1, struct kvm_device_attr).</summary>
    internal const uint KvmSetDeviceAttr = 0x4018_aee1;

    /// <summary>Regions lie at and above this offset of a device's file, where no ordinary file has bytes to read.</summary>
    internal const int RegionShift = 40;

    private const uint RegionHighWord = 1u << (RegionShift - 32);

    /// <summary>
    /// HUP, INT, QUIT, ALRM and TERM: by these people stop programs and programs stop waiting (alarm(2): flock -w, for one), who count on a
    /// blocked call coming back. Their handlers stay as they are, and shells and compilers, which install these above all, are not held up.
    /// </summary>
    private static readonly uint[] s_interrupting = [1, 2, 3, 14, 15];

    /// <summary>The filter for one architecture.</summary>
    internal static BpfInstruction[] Build(FilterArchitecture native)
    {
        BpfAssembler code = new BpfAssembler()
            .Load(SeccompUapi.DataArch)
            .IfEqual(native.AuditArch, "native")
            .IfEqual(SeccompUapi.AuditArchI386, "compat")
            .IfEqual(SeccompUapi.AuditArchArm, "compat")
            .Return(SeccompUapi.RetAllow)

            // 32-bit callers cannot be served; let them fail with a reason instead of reading an empty file (T1).
            .Label("compat")
            .Load(SeccompUapi.DataNr)
            .IfEqual(54, "vfio ioctl") // ioctl, on i386 and on arm
            .IfEqual(180, "compat offset") // pread64
            .IfEqual(181, "compat offset") // pwrite64
            .Return(SeccompUapi.RetAllow)
            .Label("compat offset")
            .Load(SeccompUapi.DataArch)
            .IfEqual(SeccompUapi.AuditArchArm, "arm offset")
            .Load(SeccompUapi.DataArgLow(4)) // i386: the offset is arguments 3 and 4
            .IfAtLeast(RegionHighWord, "notify")
            .Return(SeccompUapi.RetAllow)
            .Label("arm offset")
            .Load(SeccompUapi.DataArgLow(5)) // arm: an even register pair, 4 and 5
            .IfAtLeast(RegionHighWord, "notify")
            .Return(SeccompUapi.RetAllow)

            .Label("native")
            .Load(SeccompUapi.DataNr);
        if (native.AuditArch == SeccompUapi.AuditArchX64)
        {
            code.IfAtLeast(SeccompUapi.X32Bit, "x32");
        }

        code.IfEqual((uint)native.Ioctl, "ioctl")
            .IfEqual((uint)native.Pread64, "offset")
            .IfEqual((uint)native.Pwrite64, "offset")
            .IfEqual((uint)native.OpenAt, "openat")
            .IfEqual((uint)native.RtSigaction, "sigaction")
            .IfEqual((uint)native.Mmap, "mmap")
            .IfEqual((uint)native.Ftruncate, "notify")
            .IfEqual((uint)native.Fallocate, "notify")
            .IfEqual((uint)native.Preadv, "offset")
            .IfEqual((uint)native.Pwritev, "offset")
            .IfEqual((uint)native.Preadv2, "offset")
            .IfEqual((uint)native.Pwritev2, "offset")
            .IfEqual((uint)native.OpenAt2, "notify");
        if (native.Open is int open)
        {
            code.IfEqual((uint)open, "open");
        }

        code
            .Return(SeccompUapi.RetAllow)

            .Label("x32")
            .And(~SeccompUapi.X32Bit)
            .IfEqual(514, "vfio ioctl") // ioctl
            .IfEqual((uint)native.Pread64, "offset")
            .IfEqual((uint)native.Pwrite64, "offset")
            .IfEqual(534, "offset") // preadv
            .IfEqual(535, "offset") // pwritev
            .IfEqual(546, "offset") // preadv2
            .IfEqual(547, "offset") // pwritev2
            .Return(SeccompUapi.RetAllow)

            .Label("ioctl")
            .Load(SeccompUapi.DataArgLow(1))
            .IfEqual(KvmSetDeviceAttr, "notify")
            .Label("vfio ioctl")
            .Load(SeccompUapi.DataArgLow(1))
            .And(0xff00)
            .IfEqual(VfioType << 8, "notify")
            .Return(SeccompUapi.RetAllow)

            .Label("offset")
            .Load(SeccompUapi.DataArgHigh(3))
            .IfAtLeast(RegionHighWord, "notify")
            .Return(SeccompUapi.RetAllow)

            .Label("mmap")
            .Load(SeccompUapi.DataArgHigh(5))
            .IfAtLeast(RegionHighWord, "notify")
            .Return(SeccompUapi.RetAllow)

            .Label("openat")
            .Load(SeccompUapi.DataArgLow(2))
            .Goto("open flags")
            .Label("open")
            .Load(SeccompUapi.DataArgLow(1))
            // For writing alone: a file of the view that refuses it with a sentence. A file that must be new is none of those.
            .Label("open flags")
            .And(Sys.O_ACCMODE | Sys.O_EXCL)
            .IfEqual(Sys.O_RDWR, "notify")
            .IfEqual(Sys.O_RDWR | Sys.O_EXCL, "notify")
            .IfEqual(Sys.O_WRONLY, "notify")
            .Return(SeccompUapi.RetAllow)

            // Only an installation (act is not NULL) can lack SA_RESTART (T2).
            .Label("sigaction")
            .Load(SeccompUapi.DataArgLow(0));
        foreach (uint signal in s_interrupting)
        {
            code.IfEqual(signal, "allow");
        }

        return code
            .Load(SeccompUapi.DataArgLow(1))
            .IfAtLeast(1, "notify")
            .Load(SeccompUapi.DataArgHigh(1))
            .IfAtLeast(1, "notify")
            .Label("allow")
            .Return(SeccompUapi.RetAllow)

            .Label("notify")
            .Return(SeccompUapi.RetUserNotif)
            .Build();
    }
}
