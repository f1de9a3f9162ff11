using System.Globalization;
using System.Text;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests.Captures;

/// <summary>The tables of docs/fidelity.md about the captures' own client.</summary>
internal static class FidelityPage
{
    private const string Begin = "<!-- made by CaptureClientTests: begin -->";
    private const string End = "<!-- made by CaptureClientTests: end -->";

    public static string DifferencesFile { get; } = Repository.PathOf("tests", "Doorbell.SystemTests", "Captures", "differences.txt");

    /// <summary>What the page says now.</summary>
    public static string Current
    {
        get
        {
            string page = File.ReadAllText(Repository.PathOf("docs", "fidelity.md"));
            int begin = page.IndexOf(Begin, StringComparison.Ordinal), end = page.IndexOf(End, StringComparison.Ordinal);
            Assert.True(begin >= 0 && end > begin, "docs/fidelity.md has lost its markers");
            return page[(begin + Begin.Length)..end].Trim();
        }
    }

    public static string Build(IReadOnlyList<(CaptureRun Run, CaptureTotals Totals)> runs)
    {
        StringBuilder text = new();
        text.AppendLine("| capture | records | agreeing | differing | not applicable |").AppendLine("|---|---|---|---|---|");
        foreach ((CaptureRun run, CaptureTotals totals) in runs)
        {
            Row(text, run.Capture, totals.Records, totals.Agree, totals.Differ, totals.NotApplicable);
        }

        Row(text, "all", runs.Sum(static run => run.Totals.Records), runs.Sum(static run => run.Totals.Agree), runs.Sum(static run => run.Totals.Differ), runs.Sum(static run => run.Totals.NotApplicable));
        text.AppendLine().AppendLine("| records | capture | what differs | why |").AppendLine("|---|---|---|---|");
        foreach ((int number, string[] parts) in Lines())
        {
            int count = runs.Sum(run => run.Totals.Explained.Where(line => line.Number == number).Sum(static line => line.Records));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {count} | `{Cell(parts[0])}` `{Cell(parts[1])}` | {(parts[2] == "n.a." ? "not applicable" : parts[2])} | {parts[3]} |");
        }

        return text.ToString().Trim();
    }

    /// <summary>The lines of differences.txt by number.</summary>
    public static IEnumerable<(int Number, string[] Parts)> Lines()
    {
        int number = 0;
        foreach (string line in File.ReadLines(DifferencesFile))
        {
            number++;
            if (line.Length != 0 && line[0] != '#')
            {
                yield return (number, line.Split(" | "));
            }
        }
    }

    private static void Row(StringBuilder text, string name, int records, int agree, int differ, int notApplicable) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {records} | {agree} | {differ} | {notApplicable} |");

    private static string Cell(string pattern) => pattern.Replace("|", "\\|", StringComparison.Ordinal);
}
