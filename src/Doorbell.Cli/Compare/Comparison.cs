using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Doorbell.Cli.Compare;

/// <summary>A capture and another host's answers, record by record.</summary>
internal sealed class Comparison
{
    // What differs between two runs of the same kernel: numbers it chooses, and its own views of them in /proc and sysfs.
    private static readonly HashSet<string> DifferentByNature =
        ["seq", "suite", "irq", "msi_irqs", "proc_interrupts", "effective_affinity", "trace_truncated_total", "lines_total"];

    // What the host's kernel and the machine below it say of themselves; a client of VFIO cannot ask for it.
    private static readonly HashSet<string> Logs = ["trace", "qemu", "kmsg"];
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const string PhysicalTable = "phys_msix_table";

    private Comparison(List<RecordComparison> records, List<string> unknown)
    {
        Records = records;
        Unknown = unknown;
    }

    /// <summary>The capture's, in its order.</summary>
    public IReadOnlyList<RecordComparison> Records { get; }

    /// <summary>Records that the capture does not have.</summary>
    public IReadOnlyList<string> Unknown { get; }

    /// <summary>Compares. The nth record of a name is compared with the nth of that name.</summary>
    /// <param name="captured">Linux's.</param>
    /// <param name="answered">The other host's.</param>
    /// <param name="isSeenFromOutside">The answers have what lies in a device's table, which a client on a host without QEMU's monitor cannot read.</param>
    public static Comparison Of(IEnumerable<JsonObject> captured, IEnumerable<JsonObject> answered, bool isSeenFromOutside = false)
    {
        Dictionary<string, Queue<JsonObject>> ours = [];
        foreach (JsonObject record in answered)
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
            string name = NameOf(record);
            JsonObject? mine = ours.TryGetValue(name, out Queue<JsonObject>? queue) && queue.Count != 0 ? queue.Dequeue() : null;
            int nth = seen[name] = seen.GetValueOrDefault(name) + 1;
            string unique = nth == 1 ? name : $"{name}#{nth}";
            records.Add(mine is null ? new RecordComparison(unique, null) : Compare(unique, record, mine, isSeenFromOutside));
        }

        return new Comparison(records, [.. ours.Where(static pair => pair.Value.Count != 0).Select(static pair => pair.Key)]);
    }

    private static string NameOf(JsonObject record) => record["name"]!.GetValue<string>();

    private static RecordComparison Compare(string name, JsonObject captured, JsonObject mine, bool isSeenFromOutside)
    {
        List<FieldDifference> differences = [];
        List<string> unseen = [];
        foreach (string field in captured.Select(static pair => pair.Key).Union(mine.Select(static pair => pair.Key)))
        {
            if (DifferentByNature.Contains(field) || field.StartsWith("irq_debugfs", StringComparison.Ordinal) || JsonNode.DeepEquals(captured[field], mine[field]))
            {
                continue;
            }

            if (Logs.Contains(field) || (field == PhysicalTable && !isSeenFromOutside && mine[field] is null or JsonArray { Count: 0 }))
            {
                unseen.Add(field);
            }
            else
            {
                differences.Add(new FieldDifference(field, Text(captured[field]), Text(mine[field])));
            }
        }

        return new RecordComparison(name, differences) { Unseen = unseen };
    }

    private static string Text(JsonNode? value)
    {
        if (value is null)
        {
            return "nothing";
        }

        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, Relaxed))
        {
            value.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }
}
