using System.Runtime.InteropServices;

namespace Doorbell.SystemTests.Support;

internal static partial class Signals
{
    private const int SigKill = 9;
    private const int SigTerm = 15;

    /// <summary>kill -9. A process that is gone already is no error.</summary>
    public static void Kill(int pid) => _ = KillNative(pid, SigKill);

    /// <summary>A polite request to end.</summary>
    public static void Terminate(int pid) => Assert.Equal(0, KillNative(pid, SigTerm));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int KillNative(int pid, int signal);
}
