using Doorbell.Interrupts;

namespace Doorbell.Tests.Msi;

/// <summary>Counts what arrives, by vector.</summary>
internal sealed class CountingHandler : IInterruptHandler
{
    private readonly int[] _counts = new int[4096];

    public int Total => _counts.Sum();

    public int this[int vector] => Volatile.Read(ref _counts[vector]);

    public void Forget() => Array.Clear(_counts);

    public void Handle(int vector) => Interlocked.Increment(ref _counts[vector]);
}
