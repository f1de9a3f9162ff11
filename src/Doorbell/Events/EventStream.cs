namespace Doorbell.Events;

/// <summary>The machine's event stream. Nothing is built or sent while nobody listens (check <see cref="IsEnabled"/> first on hot paths).</summary>
public sealed class EventStream
{
    private Action<MachineEvent>? _listeners;

    /// <summary>True while somebody listens.</summary>
    public bool IsEnabled => Volatile.Read(ref _listeners) is not null;

    /// <summary>Adds a listener; it runs on the emitting thread. Dispose the result to leave.</summary>
    public IDisposable Subscribe(Action<MachineEvent> listener)
    {
        Action<MachineEvent>? before, after;
        do
        {
            before = Volatile.Read(ref _listeners);
            after = before + listener;
        }
        while (Interlocked.CompareExchange(ref _listeners, after, before) != before);
        return new Subscription(this, listener);
    }

    /// <summary>Sends the event to every listener.</summary>
    public void Emit(MachineEvent machineEvent) => Volatile.Read(ref _listeners)?.Invoke(machineEvent);

    private void Leave(Action<MachineEvent> listener)
    {
        Action<MachineEvent>? before, after;
        do
        {
            before = Volatile.Read(ref _listeners);
            after = before - listener;
        }
        while (Interlocked.CompareExchange(ref _listeners, after, before) != before);
    }

    private sealed class Subscription(EventStream stream, Action<MachineEvent> listener) : IDisposable
    {
        public void Dispose() => stream.Leave(listener);
    }
}
