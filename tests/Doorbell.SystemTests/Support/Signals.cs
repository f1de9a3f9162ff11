using System.Runtime.InteropServices;

namespace Doorbell.SystemTests.Support;

internal static partial class Signals
{
    private const int SigKill = 9;

    /// <summary>kill -9. A process that is gone already is no error.</summary>
    public static void Kill(int pid) => _ = KillNative(pid, SigKill);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int KillNative(int pid, int signal);
}
