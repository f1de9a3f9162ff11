using System.Globalization;
using System.Text;
using Doorbell.Cli.Compare;

namespace Doorbell.Tests.Captures;

/// <summary>The tables of docs/fidelity.md.</summary>
internal static class Fidelity
{
    public const string Begin = "<!-- made by CaptureTests: begin -->";
    public const string End = "<!-- made by CaptureTests: end -->";

    public static string Build()
    {
        StringBuilder text = new();
        text.AppendLine("| capture | records | agreeing | differing | not applicable |").AppendLine("|---|---|---|---|---|");
        int agreeing = 0, differing = 0, notApplicable = 0;
        foreach (Suite suite in Replays.All)
        {
            SuiteResult result = Replays.ResultOf(suite.Name);
            Row(text, suite.Name, result.Agreeing, result.Differing, result.NotApplicable);
            agreeing += result.Agreeing;
            differing += result.Differing;
            notApplicable += result.NotApplicable;
        }

        Row(text, "all", agreeing, differing, notApplicable);
        text.AppendLine().AppendLine("| not replayed | why |").AppendLine("|---|---|");
        foreach ((string name, string reason) in Replays.Missing)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {reason} |");
        }

        text.AppendLine().AppendLine("| records | capture | what differs | why |").AppendLine("|---|---|---|---|");
        foreach (KnownDifference known in Replayed.Differences)
        {
            int count = Replays.All.Sum(suite => Replays.ResultOf(suite.Name).Explained.GetValueOrDefault(known));
            string what = known.IsNotApplicable ? "not made" : string.Join(", ", known.Fields);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {count} | `{Cell(known.Suites)}` `{Cell(known.Records)}` | {what} | {known.Reason} |");
        }

        return text.ToString();
    }

    private static void Row(StringBuilder text, string name, int agreeing, int differing, int notApplicable) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {agreeing + differing + notApplicable} | {agreeing} | {differing} | {notApplicable} |");

    private static string Cell(string pattern) => pattern.Replace("|", "\\|", StringComparison.Ordinal);
}
