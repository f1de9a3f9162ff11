using System.Diagnostics;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>
/// A device's own thread, for as long as a client has parts of it mapped: it looks there for what the client has stored. While something comes
/// it looks without a pause; then it sleeps, a 32nd of the time that nothing has come for, so that what comes waits no longer than that.
/// </summary>
internal sealed class DevicePoller : IDisposable
{
    // What a client in full swing needs between two stores.
    private const long SpinNanoseconds = 1_000_000;
    private const long ShortestSleep = 10_000;

    // A look costs 40 us of a core, most of them the sleep's end on an idle core: 100 of them a second are less than half a hundredth of it.
    private const long LongestSleep = 10_000_000;

    // PR_SET_TIMERSLACK: a thread's sleeps last 50 us longer unless it asks for less, several times the shortest.
    private const int SetTimerSlack = 29;
    private const int SlackNanoseconds = 1_000;

    private readonly VfioDevice _device;
    private readonly Thread _thread;
    private bool _stops;

    /// <summary>Begins to look.</summary>
    internal DevicePoller(VfioDevice device)
    {
        _device = device;
        _thread = new Thread(Run) { IsBackground = true, Name = device.Name };
        _thread.Start();
    }

    /// <summary>Returns when the thread has ended.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stops, true);
        CopyWatchdog? watchdog = CopyWatchdog.OfThisThread; // its DMA may wait for memory of the client's
        watchdog?.Begin();
        _thread.Join();
        watchdog?.End();
    }

    private void Run()
    {
        try
        {
            Look();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            Message.Print($"this is a bug in doorbell: {failure}");
            Sys.ExitNow(Launcher.OwnFailure); // the launcher ends the client (T9)
        }
    }

    private void Look()
    {
        Sys.Prctl(SetTimerSlack, SlackNanoseconds);
        long worked = Stopwatch.GetTimestamp();
        while (!Volatile.Read(ref _stops))
        {
            if (_device.Poll())
            {
                worked = Stopwatch.GetTimestamp();
                continue;
            }

            long idle = Stopwatch.GetElapsedTime(worked).Ticks * TimeSpan.NanosecondsPerTick;
            if (idle >= SpinNanoseconds)
            {
                Sys.Sleep(Math.Clamp(idle / 32, ShortestSleep, LongestSleep));
            }
        }
    }
}
