using System.Text.Json.Nodes;

namespace Doorbell.Tests.Captures;

/// <summary>A capture and its replay, record by record.</summary>
internal sealed class Comparison
{
    // What differs between two runs of the same kernel (the captures' norm.py), and what only a Linux kernel has.
    private static readonly HashSet<string> Ignored =
    [
        "seq", "suite", "trace", "trace_truncated_total", "qemu", "kmsg", "lines_total", // looked at by MachineFacts
        "irq", "msi_irqs", "proc_interrupts", "effective_affinity", // /proc's and sysfs' view of Linux's own interrupt numbers
    ];

    private Comparison(List<RecordComparison> records, List<string> unknown)
    {
        Records = records;
        Unknown = unknown;
    }

    public IReadOnlyList<RecordComparison> Records { get; }

    /// <summary>Records of the replay that the capture does not have: mistakes of the replay.</summary>
    public IReadOnlyList<string> Unknown { get; }

    public static Comparison Of(IEnumerable<JsonObject> captured, IEnumerable<JsonObject> replayed)
    {
        Dictionary<string, Queue<JsonObject>> ours = [];
        foreach (JsonObject record in replayed)
        {
            string name = NameOf(record);
            if (!ours.TryGetValue(name, out Queue<JsonObject>? queue))
            {
                ours.Add(name, queue = new Queue<JsonObject>());
            }

            queue.Enqueue(record);
        }

        List<RecordComparison> records = [];
        Dictionary<string, int> seen = [];
        foreach (JsonObject record in captured)
        {
            MachineFacts.Normalise(record);
            string name = NameOf(record);
            JsonObject? mine = ours.TryGetValue(name, out Queue<JsonObject>? queue) && queue.Count != 0 ? queue.Dequeue() : null;
            int nth = seen[name] = seen.GetValueOrDefault(name) + 1;
            records.Add(new RecordComparison(nth == 1 ? name : $"{name}#{nth}", mine is null ? null : Compare(record, mine)));
        }

        return new Comparison(records, [.. ours.Where(static pair => pair.Value.Count != 0).Select(static pair => pair.Key)]);
    }

    private static string NameOf(JsonObject record) => record["name"]!.GetValue<string>();

    private static List<FieldDifference> Compare(JsonObject captured, JsonObject mine)
    {
        CutTo(captured, mine);
        List<FieldDifference> differences = [];
        foreach (string field in captured.Select(static pair => pair.Key).Union(mine.Select(static pair => pair.Key)))
        {
            if (!Ignored.Contains(field) && !field.StartsWith("irq_debugfs", StringComparison.Ordinal) && !AreEqual(captured[field], mine[field]))
            {
                differences.Add(new FieldDifference(field, captured[field]?.ToJsonString() ?? "nothing", mine[field]?.ToJsonString() ?? "nothing"));
            }
        }

        return differences;
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

    private static bool AreEqual(JsonNode? a, JsonNode? b) => (a, b) switch
    {
        (JsonObject x, JsonObject y) => x.Count == y.Count && x.All(pair => y.TryGetPropertyValue(pair.Key, out JsonNode? other) && AreEqual(pair.Value, other)),
        (JsonArray x, JsonArray y) => x.Count == y.Count && x.Zip(y).All(static pair => AreEqual(pair.First, pair.Second)),
        (JsonValue x, JsonValue y) => x.ToJsonString() == y.ToJsonString(),
        _ => a is null && b is null,
    };
}
