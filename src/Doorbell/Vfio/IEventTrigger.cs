using Doorbell.Interrupts;

namespace Doorbell.Vfio;

/// <summary>What an armed vector signals: an eventfd under <c>doorbell run</c>, a counter in a test. It is the vector's handler.</summary>
/// <remarks>A delivery under way when the vector is freed may still signal after <see cref="Release"/>: a trigger takes that in its stride.</remarks>
public interface IEventTrigger : IInterruptHandler
{
    /// <summary>
    /// None for a trigger that works. Otherwise what the kernel answers to its descriptor (EBADF, EINVAL): it does so only when it comes to the vector that
    /// would take it, after all that is wrong with the call itself and after the vectors before it (eventfd_ctx_fdget).
    /// </summary>
    Errno Defect => Errno.None;

    /// <summary>Adds one to the counter. Neither blocks nor allocates.</summary>
    void Signal();

    /// <summary>The vector lets go of it (the eventfd is closed on our side).</summary>
    void Release();

    /// <inheritdoc/>
    void IInterruptHandler.Handle(int vector) => Signal();
}
