using System.Reflection;
using Doorbell.Linux.Seccomp;
using Doorbell.Linux.Uapi;

namespace Doorbell.Tests.Linux;

public class FilterProgramTests
{
    private const uint X64 = SeccompUapi.AuditArchX64;
    private const uint Arm64 = SeccompUapi.AuditArchArm64;
    private const uint I386 = SeccompUapi.AuditArchI386;
    private const uint Arm = SeccompUapi.AuditArchArm;
    private const uint X32 = 0x4000_0000;

    private const ulong Region0 = 1ul << 40;
    private const uint GetApiVersion = 0x3b64;
    private const uint ReadWrite = 2;
    private const uint WriteOnlyCreateTruncate = 0x241;
    private const uint WriteOnlyCreateExclusively = 0xc1;
    private const uint ReadWriteCloseOnExec = 0x80002;

    private static readonly BpfInstruction[] X64Program = FilterProgram.Build(FilterArchitecture.X64);
    private static readonly BpfInstruction[] Arm64Program = FilterProgram.Build(FilterArchitecture.Arm64);

    public static TheoryData<string, uint, uint, ulong[]> Trapped => new()
    {
        { "ioctl of VFIO's type", X64, 16, [3, GetApiVersion] },
        { "ioctl of iommufd's numbers", X64, 16, [3, 0x3b80] },
        { "ioctl whose type alone tells, with a size in it", X64, 16, [3, 0xc010_3b75] },
        { "an ioctl number counts in its low 32 bits only, as the kernel takes it", X64, 16, [3, 0xffff_ffff_0000_3b64] },
        { "KVM_SET_DEVICE_ATTR", X64, 16, [3, 0x4018_aee1] },
        { "pread64 of region 0", X64, 17, [3, 0x1000, 4, Region0] },
        { "pwrite64 of region 7", X64, 18, [3, 0x1000, 4, (8 * Region0) + 0x44] },
        { "preadv", X64, 295, [3, 0x1000, 1, Region0, 0] },
        { "pwritev", X64, 296, [3, 0x1000, 1, Region0, 0] },
        { "preadv2", X64, 327, [3, 0x1000, 1, Region0, 0, 0] },
        { "pwritev2", X64, 328, [3, 0x1000, 1, Region0, 0, 0] },
        { "mmap of a region's offset", X64, 9, [0, 4096, 3, 1, 3, Region0] },
        { "ftruncate", X64, 77, [3, 0] },
        { "fallocate", X64, 285, [3, 3, 0, 4096] },
        { "openat for reading and writing", X64, 257, [0xffff_ff9c, 0x1000, ReadWriteCloseOnExec] },
        { "open for reading and writing", X64, 2, [0x1000, ReadWrite] },
        { "openat for writing", X64, 257, [0xffff_ff9c, 0x1000, WriteOnlyCreateTruncate] },
        { "openat for reading and writing what must be new", X64, 257, [0xffff_ff9c, 0x1000, ReadWrite | 0xc0] },
        { "openat2 (its flags are in memory)", X64, 437, [0xffff_ff9c, 0x1000, 0x2000, 24] },
        { "a handler being installed", X64, 13, [10, 0x1000, 0, 8] },
        { "a handler installed from an address whose low half is 0", X64, 13, [10, 0x7f_0000_0000, 0, 8] },
        { "x32 ioctl", X64, X32 + 514, [3, GetApiVersion] },
        { "x32 pread64", X64, X32 + 17, [3, 0x1000, 4, Region0] },
        { "x32 pwritev2", X64, X32 + 547, [3, 0x1000, 1, Region0, 0, 0] },
        { "i386 ioctl", I386, 54, [3, GetApiVersion] },
        { "i386 pwrite64", I386, 181, [3, 0x1000, 4, 0, 0x100] },
        { "arm ioctl", Arm, 54, [3, GetApiVersion] },
        { "arm pread64, its offset in an even pair of registers", Arm, 180, [3, 0x1000, 4, 0, 0, 0x100] },
        { "ioctl", Arm64, 29, [3, GetApiVersion] },
        { "KVM_SET_DEVICE_ATTR", Arm64, 29, [3, 0x4018_aee1] },
        { "pread64", Arm64, 67, [3, 0x1000, 4, Region0] },
        { "pwrite64", Arm64, 68, [3, 0x1000, 4, Region0] },
        { "preadv", Arm64, 69, [3, 0x1000, 1, Region0, 0] },
        { "pwritev2", Arm64, 287, [3, 0x1000, 1, Region0, 0, 0] },
        { "mmap", Arm64, 222, [0, 4096, 3, 1, 3, Region0] },
        { "ftruncate", Arm64, 46, [3, 0] },
        { "fallocate", Arm64, 47, [3, 3, 0, 4096] },
        { "openat", Arm64, 56, [0xffff_ff9c, 0x1000, ReadWrite] },
        { "openat2", Arm64, 437, [0xffff_ff9c, 0x1000, 0x2000, 24] },
        { "a handler being installed", Arm64, 134, [10, 0x1000, 0, 8] },
    };

    public static TheoryData<string, uint, uint, ulong[]> Untouched => new()
    {
        { "ioctl of a terminal", X64, 16, [0, 0x5401] },
        { "KVM_RUN", X64, 16, [3, 0xae80] },
        { "an ioctl with VFIO's type above the low half", X64, 16, [3, 0x3b64_0000_5401] },
        { "pread64 within any file", X64, 17, [3, 0x1000, 4, Region0 - 1] },
        { "pwrite64 at the start", X64, 18, [3, 0x1000, 4, 0] },
        { "read", X64, 0, [3, 0x1000, Region0, Region0] },
        { "mmap of memory", X64, 9, [0, 4096, 3, 0x22, 0xffff_ffff, 0] },
        { "openat for reading", X64, 257, [0xffff_ff9c, 0x1000, 0x80000] },
        { "openat for writing what must be new", X64, 257, [0xffff_ff9c, 0x1000, WriteOnlyCreateExclusively] },
        { "open for reading", X64, 2, [0x1000, 0] },
        { "a handler being asked for", X64, 13, [14, 0, 0x1000, 8] },
        { "a handler for HUP", X64, 13, [1, 0x1000, 0, 8] },
        { "a handler for INT", X64, 13, [2, 0x1000, 0, 8] },
        { "a handler for QUIT", X64, 13, [3, 0x1000, 0, 8] },
        { "a handler for ALRM", X64, 13, [14, 0x1000, 0, 8] },
        { "a handler for TERM", Arm64, 134, [15, 0x1000, 0, 8] },
        { "a call beyond all that are known", X64, 460, [] },
        { "x32 read", X64, X32, [3, 0x1000, 4] },
        { "i386 open for reading and writing", I386, 5, [0x1000, ReadWrite] },
        { "i386 pread64 within any file", I386, 180, [3, 0x1000, 4, 0xffff_ffff, 0xff] },
        { "arm pread64 within any file", Arm, 180, [3, 0x1000, 4, 0, 0xffff_ffff, 0xff] },
        { "getpid (x86-64's open) on arm64", Arm64, 2, [0x1000, ReadWrite] },
        { "ioctl of a terminal", Arm64, 29, [0, 0x5401] },
        { "dup (x86-64's sendfile)", Arm64, 40, [3] },
        { "openat for reading", Arm64, 56, [0xffff_ff9c, 0x1000, 0] },
    };

    [Theory]
    [MemberData(nameof(Trapped))]
    public void T1_What_may_concern_an_emulated_file_is_trapped(string call, uint architecture, uint number, ulong[] arguments) =>
        AssertVerdict(SeccompUapi.RetUserNotif, call, architecture, number, arguments);

    [Theory]
    [MemberData(nameof(Untouched))]
    public void T1_Everything_else_runs_at_full_speed(string call, uint architecture, uint number, ulong[] arguments) =>
        AssertVerdict(SeccompUapi.RetAllow, call, architecture, number, arguments);

    /// <remarks>seccomp_is_const_allow of kernel/seccomp.c follows a program as far as it loads the number and the architecture alone.</remarks>
    [Theory]
    [InlineData(X64)]
    [InlineData(Arm64)]
    public void T1_The_kernel_can_note_of_every_other_call_that_it_is_allowed_and_does_not_run_the_filter_for_it(uint architecture)
    {
        (BpfInstruction[] program, FilterArchitecture numbers) = architecture == Arm64 ? (Arm64Program, FilterArchitecture.Arm64) : (X64Program, FilterArchitecture.X64);
        HashSet<uint> watched =
        [
            .. typeof(FilterArchitecture).GetProperties(BindingFlags.Instance | BindingFlags.NonPublic)
                .Select(call => call.GetValue(numbers)).OfType<int>().Select(number => (uint)number),
        ];
        Assert.Contains((uint)numbers.Ioctl, watched);

        for (uint number = 0; number < 512; number++)
        {
            uint verdict = BpfInterpreter.Run(program, architecture, number, out bool isConstant);
            Assert.True(watched.Contains(number) || (isConstant && verdict == SeccompUapi.RetAllow), $"call {number}");
        }
    }

    private static void AssertVerdict(uint verdict, string call, uint architecture, uint number, ulong[] arguments)
    {
        BpfInstruction[] program = architecture is Arm64 or Arm ? Arm64Program : X64Program;
        uint found = BpfInterpreter.Run(program, architecture, number, arguments);
        Assert.True(verdict == found, $"{call}: 0x{found:x}");
    }
}
