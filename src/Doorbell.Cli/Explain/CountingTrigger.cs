using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <summary>What a client's eventfd is to an armed vector: a counter.</summary>
internal sealed class CountingTrigger : IEventTrigger
{
    public int Count { get; private set; }

    public void Signal() => Count++;

    public void Release()
    {
    }
}
