using Doorbell.Linux.Native;
using Doorbell.Linux.Reporting;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Ends the run when the supervisor has waited for a client's memory for too long: a page that the client itself has to deliver (userfaultfd(2), a mapped file
/// of its own server) may never come, nothing calls such a copy off, and no other process of the client is served meanwhile (T6).
/// </summary>
/// <remarks>Time is counted in looks at it, so that a computer that sleeps, or a supervisor that is stopped, is not taken for one that waits.</remarks>
internal sealed class CopyWatchdog : IDisposable
{
    private const int LookMilliseconds = 1000;
    private const int MostLooks = 10;

    [ThreadStatic]
    private static CopyWatchdog? t_ofThisThread;

    private readonly ClientCall _call;
    private readonly ManualResetEventSlim _ends = new();
    private readonly Thread _thread;
    private long _steps;

    /// <summary>Watches the calling thread.</summary>
    /// <param name="call">What that thread is about.</param>
    internal CopyWatchdog(ClientCall call)
    {
        _call = call;
        t_ofThisThread = this;
        _thread = new Thread(Run) { IsBackground = true, Name = "watchdog" };
        _thread.Start();
    }

    /// <summary>The one that watches the calling thread; null where none does.</summary>
    internal static CopyWatchdog? OfThisThread => t_ofThisThread;

    /// <summary>The thread begins to wait for memory of the client's.</summary>
    internal void Begin() => Volatile.Write(ref _steps, _steps + 1);

    /// <summary>The memory has come.</summary>
    internal void End() => Volatile.Write(ref _steps, _steps + 1);

    public void Dispose()
    {
        t_ofThisThread = null;
        _ends.Set();
        _thread.Join();
        _ends.Dispose();
    }

    private void Run()
    {
        long before = 0;
        int looks = 0;
        while (!_ends.Wait(LookMilliseconds))
        {
            long steps = Volatile.Read(ref _steps);
            bool waits = (steps & 1) != 0 && steps == before;
            before = steps;
            looks = waits ? looks + 1 : 0;
            if (looks < MostLooks)
            {
                continue;
            }

            // The call stays as it is while its thread waits.
            string sentence = $"{Asker.Of(_call.Tid)} keeps doorbell waiting in {CallText.Of(_call)}: memory of its own has not come for {MostLooks} s "
                + "(userfaultfd, or a mapped file whose server does not answer), and nobody else is served meanwhile (T6): the run ends; see to it that the memory of calls and of DMA is there";
            if (Volatile.Read(ref _steps) == steps)
            {
                var print = new Thread(() => Message.Print(sentence)) { IsBackground = true };
                print.Start();
                print.Join(LookMilliseconds); // nobody may be reading standard error
                Sys.ExitNow(Launcher.OwnFailure); // the launcher ends the client (T9)
            }
        }
    }
}
