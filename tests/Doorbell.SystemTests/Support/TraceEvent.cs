using System.Globalization;
using System.Text.Json;

namespace Doorbell.SystemTests.Support;

/// <summary>A line of the event trace.</summary>
internal sealed class TraceEvent
{
    private readonly Dictionary<string, string> _fields;

    private TraceEvent(string line)
    {
        Line = line;
        using JsonDocument json = JsonDocument.Parse(line);
        _fields = json.RootElement.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.ToString());
        Kind = _fields["kind"];
    }

    public string Kind { get; }

    public string Line { get; }

    public string this[string field] =>
        _fields.TryGetValue(field, out string? value) ? value : throw new KeyNotFoundException($"no '{field}' in {Line}");

    public static IReadOnlyList<TraceEvent> ReadAll(string file) => [.. File.ReadLines(file).Select(line => new TraceEvent(line))];

    /// <summary>A field as a number, whether it is written 0x1f or 31.</summary>
    public ulong Number(string field)
    {
        string text = this[field];
        return text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : ulong.Parse(text, CultureInfo.InvariantCulture);
    }

    public override string ToString() => Line;
}
