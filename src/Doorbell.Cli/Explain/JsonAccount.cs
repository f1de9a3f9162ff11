using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Doorbell.Events;

namespace Doorbell.Cli.Explain;

/// <summary>The walk as JSON, one object a line: steps, facts and the verdict between the machine's events.</summary>
internal sealed class JsonAccount : IAccount, IEventFields
{
    private readonly ArrayBufferWriter<byte> _line;
    private readonly Utf8JsonWriter _json;
    private readonly TextWriter _output;

    public JsonAccount(TextWriter output)
    {
        _output = output;
        _line = new ArrayBufferWriter<byte>();
        _json = new Utf8JsonWriter(_line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    public void Begin(StepKind step, string title) => Write("explain.step", () =>
    {
        _json.WriteString("step", step.ToString().ToLowerInvariant());
        _json.WriteString("title", title);
    });

    public void Event(MachineEvent machineEvent) => Write(machineEvent.Kind, () => machineEvent.Describe(this));

    public void Fact(string sentence) => Write("explain.fact", () => _json.WriteString("fact", sentence));

    public void End()
    {
    }

    public void Conclude(Verdict verdict) => Write("explain.verdict", () =>
    {
        _json.WriteBoolean("good", verdict.IsGood);
        _json.WriteString("summary", verdict.Summary);
        _json.WriteStartArray("failures");
        foreach (string failure in verdict.Failures)
        {
            _json.WriteStringValue(failure);
        }

        _json.WriteEndArray();
    });

    public void Dispose() => _json.Dispose();

    public void Text(string name, string value) => _json.WriteString(name, value);

    public void Hex(string name, ulong value) => _json.WriteString(name, $"0x{value:x}");

    public void Number(string name, long value) => _json.WriteNumber(name, value);

    private void Write(string kind, Action fields)
    {
        _json.WriteStartObject();
        _json.WriteString("kind", kind);
        fields();
        _json.WriteEndObject();
        _json.Flush();
        _output.WriteLine(Encoding.UTF8.GetString(_line.WrittenSpan));
        _line.ResetWrittenCount();
        _json.Reset();
    }
}
