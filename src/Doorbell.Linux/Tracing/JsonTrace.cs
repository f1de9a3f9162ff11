using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>
/// The event stream as JSON lines: <c>{"time":1234,"kind":"iommu.map","iova":"0x8000000",…}</c>, time in nanoseconds since the start,
/// addresses and ids as hexadecimal strings.
/// </summary>
public sealed class JsonTrace : IEventFields, ITrace
{
    private static readonly long NanosecondsATick = 1_000_000_000 / Stopwatch.Frequency;

    private readonly TraceOutput _output;
    private readonly Utf8JsonWriter _writer;
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Begins to listen.</summary>
    /// <param name="stream">Where the lines go; the trace owns it.</param>
    /// <param name="events">Whose events.</param>
    /// <param name="say">Told, once, when the lines cannot be written: what is traced goes on without. Standard error where nothing is given.</param>
    public JsonTrace(Stream stream, EventStream events, Action<string>? say = null)
    {
        _output = new TraceOutput(stream, say ?? Message.Print);
        _writer = new Utf8JsonWriter(_output.Gathered, new JsonWriterOptions { SkipValidation = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        _output.Begin(events, Write);
    }

    /// <summary>Writes out what has gathered. Should that fail (a full disk), the trace ends here.</summary>
    public void Flush() => _output.Flush();

    /// <inheritdoc/>
    public void Dispose()
    {
        _output.End();
        _writer.Dispose();
    }

    /// <inheritdoc/>
    void IEventFields.Text(string name, string value) => _writer.WriteString(name, value);

    /// <inheritdoc/>
    void IEventFields.Hex(string name, ulong value)
    {
        Span<char> text = stackalloc char[18];
        "0x".CopyTo(text);
        value.TryFormat(text[2..], out int digits, "x", CultureInfo.InvariantCulture);
        _writer.WriteString(name, text[..(2 + digits)]);
    }

    /// <inheritdoc/>
    void IEventFields.Number(string name, long value) => _writer.WriteNumber(name, value);

    private void Write(MachineEvent machineEvent)
    {
        _writer.WriteStartObject();
        _writer.WriteNumber("time", (Stopwatch.GetTimestamp() - _start) * NanosecondsATick);
        _writer.WriteString("kind", machineEvent.Kind);
        machineEvent.Describe(this);
        _writer.WriteEndObject();
        _writer.Flush();
        _writer.Reset();
        _output.Gathered.Write("\n"u8);
    }
}
