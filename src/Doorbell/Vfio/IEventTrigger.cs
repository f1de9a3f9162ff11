namespace Doorbell.Vfio;

/// <summary>What an armed vector signals: an eventfd under <c>doorbell run</c>, a counter in a test.</summary>
public interface IEventTrigger
{
    /// <summary>Adds one to the counter. Neither blocks nor allocates.</summary>
    void Signal();

    /// <summary>The vector lets go of it (the eventfd is closed on our side).</summary>
    void Release();
}
