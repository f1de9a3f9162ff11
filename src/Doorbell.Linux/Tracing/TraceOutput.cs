using System.Buffers;
using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>Where a trace gathers what it makes of events, and from where it goes to the file in large pieces. A file that cannot be written ends the trace.</summary>
/// <param name="stream">The file; owned.</param>
/// <param name="say">Told, once, when it cannot be written: what is traced goes on without.</param>
internal sealed class TraceOutput(Stream stream, Action<string> say)
{
    private const int FlushAt = 48 * 1024;

    private readonly Lock _lock = new();
    private IDisposable? _subscription;
    private Action<MachineEvent>? _write;
    private bool _failed;

    /// <summary>What the next flush writes. To be added to by the trace's writer of events alone, and by what <see cref="End"/> calls.</summary>
    internal ArrayBufferWriter<byte> Gathered { get; } = new(64 * 1024);

    /// <summary>Begins to listen.</summary>
    /// <param name="events">Whose events.</param>
    /// <param name="write">Writes an event, one at a time.</param>
    internal void Begin(EventStream events, Action<MachineEvent> write)
    {
        _write = write;
        _subscription = events.Subscribe(Take);
    }

    /// <summary>Writes out what has gathered. Should that fail (a full disk), the trace ends here.</summary>
    internal void Flush()
    {
        lock (_lock)
        {
            if (Gathered.WrittenCount == 0)
            {
                return;
            }

            try
            {
                stream.Write(Gathered.WrittenSpan);
                stream.Flush();
            }
            catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
            {
                _failed = true;
                _subscription?.Dispose();
                say($"the trace ends here, it cannot be written: {unwritable.Message}");
            }

            Gathered.ResetWrittenCount();
        }
    }

    /// <summary>Listens no longer, writes the rest and closes the file.</summary>
    /// <param name="last">Adds what a whole trace ends with.</param>
    internal void End(Action? last = null)
    {
        _subscription?.Dispose();
        lock (_lock)
        {
            last?.Invoke();
        }

        Flush();
        stream.Dispose();
    }

    private void Take(MachineEvent machineEvent)
    {
        bool full;
        lock (_lock)
        {
            if (_failed)
            {
                return; // an event that was under way
            }

            _write!(machineEvent);
            full = Gathered.WrittenCount > FlushAt;
        }

        if (full)
        {
            Flush();
        }
    }
}
