using System.Globalization;

namespace Doorbell.SystemTests.Support;

/// <summary>What a guest said from one start of its kernel to the next.</summary>
internal sealed class GuestBoot(IReadOnlyList<string> facts)
{
    /// <summary>MSI-X interrupts the guest's nvme driver counted, a vector each, all CPUs together.</summary>
    public IReadOnlyList<long> InterruptCounts { get; } =
    [
        .. facts.Where(fact => fact.StartsWith("irq ", StringComparison.Ordinal) && fact.Contains("MSI", StringComparison.Ordinal)).Select(
            fact => fact.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(2).Take(Guest.Cpus).Sum(count => long.Parse(count, CultureInfo.InvariantCulture))),
    ];

    /// <summary>How it ended.</summary>
    public string Last => facts[^1];

    /// <summary>Something did not go well: a step of init, or a word of the nvme driver's about timeouts and the like.</summary>
    public bool Complains => facts.Any(fact => fact.Contains("failed", StringComparison.Ordinal) || fact.StartsWith("dmesg ", StringComparison.Ordinal));

    public bool Says(string fact) => facts.Contains(fact);
}
