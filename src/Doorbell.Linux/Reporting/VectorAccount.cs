using Doorbell.Events;

namespace Doorbell.Linux.Reporting;

/// <summary>What became of the interrupts of one vector that a client armed. Devices count on their own threads.</summary>
/// <param name="events">Where a lost interrupt is told.</param>
/// <param name="device">The device.</param>
/// <param name="index">VFIO's interrupt index: INTx, MSI, MSI-X, ERR, REQ.</param>
/// <param name="vector">The vector in it.</param>
internal sealed class VectorAccount(EventStream events, string device, uint index, uint vector)
{
    private long _delivered;
    private long _lost;

    internal string Device => device;

    internal uint Index => index;

    internal uint Vector => vector;

    /// <summary>How often a client gave it an eventfd.</summary>
    internal int Armed { get; set; }

    /// <summary>Signals that reached the eventfd.</summary>
    internal long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Signals that it did not take.</summary>
    internal long Lost => Interlocked.Read(ref _lost);

    /// <summary>The eventfd was signalled.</summary>
    internal void Deliver() => Interlocked.Increment(ref _delivered);

    /// <summary>The eventfd took no more.</summary>
    internal void Lose()
    {
        Interlocked.Increment(ref _lost);
        if (events.IsTroubleHeard)
        {
            events.Emit(new InterruptLost
            {
                Device = device,
                Vector = (int)vector,
                Cause = LostInterruptCause.EventFdFull,
                Rule = "V5",
                Reason = "the counter of its eventfd is full, so that the eventfd takes no more",
                Remedy = "read the eventfd when it is signalled (poll(2) says when), and write nothing near 2^64 to it",
            });
        }
    }
}
