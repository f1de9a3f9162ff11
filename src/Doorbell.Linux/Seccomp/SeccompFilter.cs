using System.Globalization;
using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;

namespace Doorbell.Linux.Seccomp;

/// <summary>Installs the filter on the calling thread, whose children inherit it.</summary>
internal static unsafe class SeccompFilter
{
    private const int PrSetNoNewPrivs = 38;

    /// <summary>Gives the listener's descriptor, or a sentence that says what this kernel lacks.</summary>
    internal static Result<int> Install(BpfInstruction[] program)
    {
        int failed = Sys.Prctl(PrSetNoNewPrivs, 1);
        if (failed < 0)
        {
            return Result.Fail((Errno)(-failed), $"PR_SET_NO_NEW_PRIVS failed with {Name(failed)}");
        }

        int listener;
        fixed (BpfInstruction* instructions = program)
        {
            // struct sock_fprog: a length and a pointer.
            nint* fprog = stackalloc nint[2] { program.Length, (nint)instructions };
            listener = (int)Sys.Call(
                Nr.Seccomp, SeccompUapi.SetModeFilter, SeccompUapi.FlagNewListener | SeccompUapi.FlagWaitKillableRecv, (nint)fprog);
        }

        return listener >= 0 ? listener : Result.Fail((Errno)(-listener), Explain(-listener));
    }

    private static string Explain(int errno) => (Errno)errno switch
    {
        Errno.EBUSY => "seccomp: this process already runs under a supervisor that answers its system calls (another doorbell, or a container "
            + "manager with seccomp notification), and Linux allows one; run doorbell outside of it",
        Errno.EINVAL => "seccomp: this kernel lacks notification with SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; Linux 5.19 or newer is needed",
        Errno.ENOSYS => "seccomp: this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)",
        Errno.EPERM or Errno.EACCES => "seccomp: installing a filter is forbidden here (a container's own seccomp profile?); allow seccomp(2)",
        _ => string.Create(CultureInfo.InvariantCulture, $"seccomp: installing the filter failed with {Name(-errno)}"),
    };

    private static string Name(int negativeErrno) => ((Errno)(-negativeErrno)).ToString();
}
