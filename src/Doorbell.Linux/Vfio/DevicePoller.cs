using System.Diagnostics;
using Doorbell.Linux.Native;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>
/// A device's own thread, for as long as a client has parts of it mapped: it looks there for what the client has stored. While something comes
/// it looks without a pause; then it sleeps, longer and longer.
/// </summary>
internal sealed class DevicePoller : IDisposable
{
    // What a client in full swing needs between two stores. Beyond it, a sleep costs a first command no more than the interrupt behind it does.
    private const long SpinNanoseconds = 50_000;
    private const long ShortestSleep = 20_000;
    private const long LongestSleep = 1_000_000;

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
        _thread.Join();
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
        long spin = SpinNanoseconds * Stopwatch.Frequency / 1_000_000_000;
        long worked = Stopwatch.GetTimestamp();
        long sleep = ShortestSleep;
        while (!Volatile.Read(ref _stops))
        {
            if (_device.Poll())
            {
                worked = Stopwatch.GetTimestamp();
                sleep = ShortestSleep;
            }
            else if (Stopwatch.GetTimestamp() - worked >= spin)
            {
                Sys.Sleep(sleep);
                sleep = Math.Min(2 * sleep, LongestSleep);
            }
        }
    }
}
