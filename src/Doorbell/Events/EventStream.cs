namespace Doorbell.Events;

/// <summary>The machine's event stream. Nothing is built or sent while nobody listens (check <see cref="IsEnabled"/> first on hot paths).</summary>
public sealed class EventStream
{
    private Action<MachineEvent>? _listeners;
    private Action<MachineEvent>? _troubleListeners;

    /// <summary>True while somebody listens to everything. Refusals are rare and wanted in any case: emit them without asking.</summary>
    public bool IsEnabled => Volatile.Read(ref _listeners) is not null;

    /// <summary>True while somebody listens at least to what goes wrong (<see cref="MachineEvent.IsTrouble"/>). Asked on branches that have failed already.</summary>
    public bool IsTroubleHeard => Volatile.Read(ref _troubleListeners) is not null || IsEnabled;

    /// <summary>Adds a listener; it runs on the emitting thread. Dispose the result to leave.</summary>
    /// <remarks>An event may be sent while a lock of the control path is held (a controller's): a listener takes note, and neither waits for nor makes a control operation.</remarks>
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

    /// <summary>
    /// Adds a listener to what goes wrong only (<see cref="MachineEvent.IsTrouble"/>), for the life of the stream. It does not make the stream
    /// enabled, so that data paths stay as they are with nobody listening. It may be called on any thread.
    /// </summary>
    public void SubscribeToTrouble(Action<MachineEvent> listener)
    {
        Action<MachineEvent>? before;
        do
        {
            before = Volatile.Read(ref _troubleListeners);
        }
        while (Interlocked.CompareExchange(ref _troubleListeners, before + listener, before) != before);
    }

    /// <summary>Sends the event to every listener.</summary>
    public void Emit(MachineEvent machineEvent)
    {
        Volatile.Read(ref _listeners)?.Invoke(machineEvent);
        if (machineEvent.IsTrouble)
        {
            Volatile.Read(ref _troubleListeners)?.Invoke(machineEvent);
        }
    }

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
