namespace Doorbell.Vfio;

/// <summary>
/// An eventfd that the client signals and the host waits for (the kernel's virqfd): it unmasks INTx, or writes a register. A trigger that can be
/// waited for implements this beside <see cref="IEventTrigger"/>, as an eventfd is both.
/// </summary>
public interface IEventSource
{
    /// <summary>Begins to listen. What was signalled before counts too. Released with <see cref="IEventTrigger.Release"/>, after which nothing is told any more.</summary>
    /// <param name="signalled">Called once for any number of signals since the last call, on the thread that makes the control operations.</param>
    /// <returns>ENOMEM or ENOSPC where the system has no room for another waiter; the source is as before.</returns>
    Errno Listen(Action signalled);
}
