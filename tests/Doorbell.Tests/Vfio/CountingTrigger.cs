using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>An eventfd that is a number.</summary>
internal sealed class CountingTrigger : IEventTrigger
{
    public int Signals { get; private set; }

    public int Releases { get; private set; }

    public void Signal() => Signals++;

    public void Release() => Releases++;
}
