using System.Collections.Concurrent;
using Doorbell.SystemTests.Captures;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>
/// The program that recorded what real Linux answered, unmodified, under <c>doorbell run</c> on the machines it was recorded on: the same records,
/// or a difference listed with its reason. docs/fidelity.md has the tables.
/// </summary>
public class CaptureClientTests
{
    private static readonly ConcurrentDictionary<string, Lazy<CaptureTotals>> Results = new();

    public static TheoryData<string> Captures => [.. CaptureRun.All.Select(static run => run.Capture)];

    [SkippableTheory]
    [MemberData(nameof(Captures))]
    public void The_captures_client_is_answered_as_by_Linux_or_the_reason_is_listed(string capture)
    {
        CaptureTotals totals = ResultOf(CaptureRun.All.Single(run => run.Capture == capture));
        Assert.True(totals.Unexplained.Count == 0 && totals.Stale.Count == 0, string.Join('\n', [.. totals.Unexplained, .. totals.Stale]));
        Assert.Equal(0, totals.Outcome.ExitCode);
        Assert.Equal(totals.Records, totals.Agree + totals.Differ + totals.NotApplicable);
    }

    [SkippableFact]
    public void Every_listed_difference_is_one_and_the_fidelity_page_says_what_the_runs_gave()
    {
        List<(CaptureRun, CaptureTotals)> runs = [.. CaptureRun.All.Select(static run => (run, ResultOf(run)))];
        HashSet<int> used = [.. runs.SelectMany(static run => run.Item2.Explained.Select(static line => line.Number))];
        Assert.Empty(FidelityPage.Lines().Where(line => !used.Contains(line.Number)).Select(static line => string.Join(" | ", line.Parts)));

        string tables = FidelityPage.Build(runs);
        string made = Path.Combine(AppContext.BaseDirectory, "fidelity.client.md");
        File.WriteAllText(made, tables);
        Assert.True(FidelityPage.Current == tables, $"docs/fidelity.md is not current; the tables are in {made}");
    }

    private static CaptureTotals ResultOf(CaptureRun run)
    {
        CaptureClient.PathOf(); // its requirements, outside of the Lazy, so that each test skips for itself
        Skip.If(run.NeedsRoot && !Environment.IsPrivilegedProcess, "SKIPPED: the client changes its user, which root alone can");
        return Results.GetOrAdd(run.Capture, _ => new Lazy<CaptureTotals>(run.Make)).Value;
    }
}
