using System.Security.Cryptography;

namespace Doorbell.SystemTests.Support;

/// <summary>What a guest said of itself on its console, boot by boot: the lines that begin with DOORBELL-GUEST.</summary>
internal sealed class GuestReport
{
    private const string Prefix = "DOORBELL-GUEST ";

    private readonly Outcome _outcome;

    public GuestReport(Outcome outcome)
    {
        _outcome = outcome;
        List<List<string>> boots = [];
        foreach (string fact in outcome.Lines.Select(AfterPrefix).OfType<string>())
        {
            if (fact.StartsWith("booted ", StringComparison.Ordinal))
            {
                boots.Add([]);
            }

            boots.LastOrDefault()?.Add(fact);
        }

        Boots = [.. boots.Select(facts => new GuestBoot(facts))];
    }

    /// <summary>Every start of the guest's kernel, in order.</summary>
    public IReadOnlyList<GuestBoot> Boots { get; }

    /// <summary>
    /// The guest ran to its end, found what it wrote, in the same boot and after a reboot if there was one, and <paramref name="disk"/> holds it
    /// where it should, and nothing around it.
    /// </summary>
    public void MustBeSound(string disk, GuestWorkload workload)
    {
        Assert.True(_outcome.ExitCode == 0 && Boots.Count == workload.Boots, _outcome.Report);
        byte[] content = File.ReadAllBytes(disk);
        Span<byte> written = content.AsSpan(GuestWorkload.OffsetMebibytes << 20, workload.Mebibytes << 20);
        string sum = $"checksum {Convert.ToHexStringLower(SHA256.HashData(written))} ok";
        for (int i = 0; i < Boots.Count; i++)
        {
            GuestBoot boot = Boots[i];
            Assert.True(boot.Says($"{(i == 0 ? "wrote" : "kept")} {workload.Mebibytes} MiB") && boot.Says(sum), $"boot {i + 1}, {sum}: {_outcome.Report}");
            Assert.True(boot.Last == (i < Boots.Count - 1 ? "reboots" : "done"), $"boot {i + 1} ended otherwise: {_outcome.Report}");
            Assert.True(!boot.Complains, $"boot {i + 1}: {_outcome.Report}");

            Assert.True(boot.InterruptCounts.Count == Guest.Cpus + 1, $"a vector for the admin queue and one for each CPU's: {_outcome.Report}");
            Assert.True(boot.InterruptCounts.All(count => count > 0), $"every vector came: {_outcome.Report}");
        }

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
