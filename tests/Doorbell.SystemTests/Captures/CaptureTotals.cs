using System.Text.Json;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests.Captures;

/// <summary>What <c>doorbell compare --json</c> says at its end.</summary>
internal sealed record CaptureTotals(Outcome Outcome, int Records, int Agree, int Differ, int NotApplicable, IReadOnlyList<string> Unexplained, IReadOnlyList<string> Stale, IReadOnlyList<ExplainedLine> Explained)
{
    public static CaptureTotals Read(Outcome outcome)
    {
        Assert.True(outcome.ExitCode is 0 or 1, outcome.Report);
        using JsonDocument json = JsonDocument.Parse(outcome.Lines.Last(static line => line.Length != 0));
        JsonElement totals = json.RootElement;
        return new CaptureTotals(
            outcome,
            totals.GetProperty("records").GetInt32(),
            totals.GetProperty("agree").GetInt32(),
            totals.GetProperty("differ").GetInt32(),
            totals.GetProperty("not_applicable").GetInt32(),
            Texts(totals, "unexplained"),
            Texts(totals, "stale"),
            [.. totals.GetProperty("explained").EnumerateArray().Select(static line => new ExplainedLine(line.GetProperty("line").GetInt32(), line.GetProperty("records").GetInt32()))]);
    }

    private static List<string> Texts(JsonElement totals, string name) => [.. totals.GetProperty(name).EnumerateArray().Select(static text => text.GetString()!)];
}
