namespace Doorbell.Vfio;

/// <summary>A trigger that calls back, where a library's user has no eventfd.</summary>
/// <param name="signalled">Runs on the thread of the device that raised the interrupt.</param>
public sealed class ActionTrigger(Action signalled) : IEventTrigger
{
    /// <inheritdoc/>
    public void Signal() => signalled();

    /// <inheritdoc/>
    public void Release()
    {
    }
}
