using System.Globalization;

namespace Doorbell.Linux.Native;

/// <summary>Which signals this process was started with blocked and ignored, so that a child can start with the same.</summary>
/// <param name="Blocked">Bit n-1: signal n is blocked.</param>
/// <param name="Ignored">Bit n-1: signal n is ignored.</param>
internal readonly record struct SignalState(ulong Blocked, ulong Ignored)
{
    private const int SigPipe = 13;

    /// <summary>
    /// Signals set to their default in a child: SIGPIPE, which .NET ignores in itself, and 32 and 33, which posix_spawn of glibc would leave
    /// ignored. (Signals with a handler go back to the default at exec by themselves, and what the user's shell had ignored, as nohup does,
    /// stays ignored.)
    /// </summary>
    internal const ulong ResetInChild = (1ul << (SigPipe - 1)) | (3ul << 31);

    /// <summary>True when the signal was ignored at the start.</summary>
    internal bool IsIgnored(int signal) => (Ignored & (1ul << (signal - 1))) != 0;

    /// <summary>Reads it; to be called before anything installs handlers.</summary>
    internal static SignalState OfThisProcess()
    {
        ulong blocked = 0, ignored = 0;
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("SigBlk:", StringComparison.Ordinal))
            {
                blocked = Parse(line);
            }
            else if (line.StartsWith("SigIgn:", StringComparison.Ordinal))
            {
                ignored = Parse(line);
                break;
            }
        }

        return new SignalState(blocked, ignored);
    }

    /// <summary>
    /// Sets SIGCHLD to its default where whoever started this process ignored it: the kernel would throw away how children ended. To be
    /// called before anything installs handlers; children start with the default as well.
    /// </summary>
    internal unsafe void KeepEndsOfChildren()
    {
        const int SigChld = 17;
        if (IsIgnored(SigChld))
        {
            ulong* action = stackalloc ulong[4] { 0, 0, 0, 0 }; // the kernel's struct sigaction: SIG_DFL, no flags, nothing masked
            Sys.Call(Nr.RtSigaction, SigChld, (nint)action, 0, sizeof(ulong));
        }
    }

    private static ulong Parse(string line) =>
        ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
