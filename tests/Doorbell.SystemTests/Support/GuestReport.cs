using System.Globalization;
using System.Security.Cryptography;

namespace Doorbell.SystemTests.Support;

/// <summary>What a guest said of itself on its console: the lines that begin with DOORBELL-GUEST.</summary>
internal sealed class GuestReport
{
    private const string Prefix = "DOORBELL-GUEST ";

    private readonly Outcome _outcome;
    private readonly string[] _facts;

    public GuestReport(Outcome outcome)
    {
        _outcome = outcome;
        _facts = [.. outcome.Lines.Select(AfterPrefix).OfType<string>()];
    }

    /// <summary>MSI-X interrupts the guest's nvme driver counted, a vector each, all CPUs together.</summary>
    public IReadOnlyList<long> InterruptCounts =>
    [
        .. _facts.Where(fact => fact.StartsWith("irq ", StringComparison.Ordinal) && fact.Contains("MSI", StringComparison.Ordinal)).Select(
            fact => fact.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(2).Take(Guest.Cpus).Sum(count => long.Parse(count, CultureInfo.InvariantCulture))),
    ];

    /// <summary>The guest ran to its end, found what it wrote, and <paramref name="disk"/> holds it where it should, and nothing around it.</summary>
    public void MustBeSound(string disk)
    {
        Assert.True(_outcome.ExitCode == 0 && _facts.LastOrDefault() == "done", _outcome.Report);
        string checksum = Assert.Single(_facts, fact => fact.StartsWith("checksum ", StringComparison.Ordinal));
        Assert.True(checksum.EndsWith(" ok", StringComparison.Ordinal), _outcome.Report);
        Assert.DoesNotContain(_facts, fact => fact.Contains("failed", StringComparison.Ordinal) || fact.StartsWith("dmesg ", StringComparison.Ordinal));

        Assert.True(InterruptCounts.Count == Guest.Cpus + 1, $"a vector for the admin queue and one for each CPU's: {_outcome.Report}");
        Assert.True(InterruptCounts.All(count => count > 0), $"every vector came: {_outcome.Report}");

        byte[] content = File.ReadAllBytes(disk);
        Span<byte> written = content.AsSpan(Guest.OffsetMebibytes << 20, Guest.Mebibytes << 20);
        Assert.Equal($"checksum {Convert.ToHexStringLower(SHA256.HashData(written))} ok", checksum);
        written.Clear();
        Assert.False(content.AsSpan().ContainsAnyExcept((byte)0), "the guest changed only what it meant to");
    }

    private static string? AfterPrefix(string line)
    {
        // The firmware's last line has no end, so the prefix may stand anywhere.
        int at = line.IndexOf(Prefix, StringComparison.Ordinal);
        return at < 0 ? null : line[(at + Prefix.Length)..];
    }
}
