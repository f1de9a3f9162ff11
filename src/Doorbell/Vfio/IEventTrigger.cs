using Doorbell.Interrupts;

namespace Doorbell.Vfio;

/// <summary>What an armed vector signals: an eventfd under <c>doorbell run</c>, a counter in a test. It is the vector's handler.</summary>
/// <remarks>A delivery under way when the vector is freed may still signal after <see cref="Release"/>: a trigger takes that in its stride.</remarks>
public interface IEventTrigger : IInterruptHandler
{
    /// <summary>Adds one to the counter. Neither blocks nor allocates.</summary>
    void Signal();

    /// <summary>The vector lets go of it (the eventfd is closed on our side).</summary>
    void Release();

    /// <inheritdoc/>
    void IInterruptHandler.Handle(int vector) => Signal();
}
