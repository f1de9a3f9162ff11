using Doorbell.Cli.Compare;
using Xunit.Abstractions;

namespace Doorbell.Tests.Captures;

/// <summary>The same calls on the same board give the results real Linux gave, errno for errno; differences.txt lists what does not and why.</summary>
public sealed class CaptureTests(ITestOutputHelper output)
{
    public static TheoryData<string> Suites => [.. Replays.All.Select(static suite => suite.Name)];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Linux_answered_the_same_or_the_difference_is_listed_with_its_reason(string suite)
    {
        SuiteResult result = Replays.ResultOf(suite);
        output.WriteLine(result.ToString());
        Assert.True(result.Unexplained.Count == 0 && result.Stale.Count == 0, result.ToString());
    }

    [Fact]
    public void Every_capture_is_replayed_or_said_to_be_missing()
    {
        Assert.Equal(CaptureFiles.Suites.Order(), Replays.All.Select(static suite => suite.Name).Concat(Replays.Missing.Keys).Order());
    }

    [Fact]
    public void The_fidelity_page_says_what_the_replays_gave()
    {
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "fidelity.md"));
        int begin = page.IndexOf(Fidelity.Begin, StringComparison.Ordinal), end = page.IndexOf(Fidelity.End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin);
        string tables = Fidelity.Build();
        string made = Path.Combine(AppContext.BaseDirectory, "fidelity.tables.md");
        File.WriteAllText(made, tables);
        Assert.True(page[(begin + Fidelity.Begin.Length)..end].Trim() == tables.Trim(), $"docs/fidelity.md is not current; the tables are in {made}");
    }

    [Fact]
    public void Every_listed_difference_is_one()
    {
        HashSet<KnownDifference> used = [.. Replays.All.SelectMany(static suite => Replays.ResultOf(suite.Name).Explained.Keys)];
        Assert.Empty(Replayed.Differences.Where(line => !used.Contains(line)).Select(static line => $"{line.Suites} {line.Records}: {line.Reason}"));
    }
}
