using System.Text.Encodings.Web;
using System.Text.Json;

namespace Doorbell.Cli.Compare;

/// <summary>A comparison for programs: one object a record that does not agree, one a line, and one with the totals.</summary>
internal static class CompareJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Print(Stream output, SuiteResult result)
    {
        foreach (JudgedRecord record in result.Disagreeing)
        {
            Line(output, writer => Record(writer, record));
        }

        Line(output, writer => Totals(writer, result));
    }

    private static void Record(Utf8JsonWriter writer, JudgedRecord record)
    {
        writer.WriteString("record", record.Name);
        writer.WriteString("verdict", Word(record.Verdict));
        if (record.Reason is not null)
        {
            writer.WriteString("reason", record.Reason);
        }

        writer.WriteStartArray("fields");
        foreach ((FieldDifference difference, string? reason) in record.Differences)
        {
            writer.WriteStartObject();
            writer.WriteString("field", difference.Field);
            writer.WriteString("captured", difference.Captured);
            writer.WriteString("here", difference.Ours);
            writer.WriteString("reason", reason);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Totals(Utf8JsonWriter writer, SuiteResult result)
    {
        writer.WriteString("suite", result.Suite);
        writer.WriteNumber("records", result.Total);
        writer.WriteNumber("agree", result.Agreeing);
        writer.WriteNumber("differ", result.Differing);
        writer.WriteNumber("not_applicable", result.NotApplicable);
        Texts(writer, "unexplained", result.Unexplained);
        Texts(writer, "stale", result.Stale);
        writer.WriteStartObject("seen_from_outside");
        foreach ((string field, int count) in result.Unseen)
        {
            writer.WriteNumber(field, count);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("explained");
        foreach ((KnownDifference line, int count) in result.Explained)
        {
            writer.WriteStartObject();
            writer.WriteNumber("line", line.Line);
            writer.WriteNumber("records", count);
            writer.WriteString("names", line.Records);
            writer.WriteString("fields", string.Join(", ", line.Fields));
            writer.WriteString("reason", line.Reason);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Texts(Utf8JsonWriter writer, string name, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static string Word(RecordVerdict verdict) => verdict switch
    {
        RecordVerdict.Agrees => "agrees",
        RecordVerdict.Differs => "differs",
        RecordVerdict.NotApplicable => "not-applicable",
        _ => "unexplained",
    };

    private static void Line(Stream output, Action<Utf8JsonWriter> write)
    {
        using (var writer = new Utf8JsonWriter(output, Options))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }
}
