using System.Text.Json.Nodes;
using Doorbell.Cli.Compare;

namespace Doorbell.Tests.Captures;

/// <summary>A capture and its replay: <c>doorbell compare</c>'s comparison, and what both machines did meanwhile.</summary>
internal static class Replayed
{
    public static IReadOnlyList<KnownDifference> Differences { get; } = ReadDifferences();

    public static SuiteResult Judge(string suite, List<JsonObject> captured, List<JsonObject> replayed)
    {
        captured.ForEach(MachineFacts.Normalise);
        Dictionary<(string, int), JsonObject> ours = Number(replayed);
        foreach (((string, int) name, JsonObject record) in Number(captured))
        {
            if (ours.TryGetValue(name, out JsonObject? mine))
            {
                CutTo(record, mine);
            }
        }

        return new SuiteResult(suite, Comparison.Of(captured, replayed, isSeenFromOutside: true), Differences);
    }

    private static Dictionary<(string Name, int Nth), JsonObject> Number(IEnumerable<JsonObject> records)
    {
        Dictionary<(string, int), JsonObject> numbered = [];
        foreach (JsonObject record in records)
        {
            string name = record["name"]!.GetValue<string>();
            int nth = 0;
            while (!numbered.TryAdd((name, nth), record))
            {
                nth++;
            }
        }

        return numbered;
    }

    // QEMU's log of a call was kept up to a length: what is beyond it cannot be compared.
    private static void CutTo(JsonObject captured, JsonObject mine)
    {
        if (captured["lines_total"] is not null && mine[MachineFacts.Its] is JsonArray its)
        {
            int kept = (captured[MachineFacts.Its] as JsonArray)?.Count ?? 0;
            while (its.Count > kept)
            {
                its.RemoveAt(its.Count - 1);
            }
        }
    }

    private static IReadOnlyList<KnownDifference> ReadDifferences()
    {
        Result<IReadOnlyList<KnownDifference>> read = KnownDifference.Read("differences.txt", File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Captures", "differences.txt")));
        Assert.True(read.IsOk, read.Reason);
        return read.Value;
    }
}
