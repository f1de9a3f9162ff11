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

    private readonly Lock _lock = new();
    private readonly Stream _stream;
    private readonly ArrayBufferWriter<byte> _lines = new(64 * 1024);
    private readonly Utf8JsonWriter _writer;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly IDisposable _subscription;
    private readonly Action<string> _say;
    private bool _failed;

    /// <summary>Begins to listen.</summary>
    /// <param name="stream">Where the lines go; the trace owns it.</param>
    /// <param name="events">Whose events.</param>
    /// <param name="say">Told, once, when the lines cannot be written: what is traced goes on without. Standard error where nothing is given.</param>
    public JsonTrace(Stream stream, EventStream events, Action<string>? say = null)
    {
        _stream = stream;
        _say = say ?? Message.Print;
        _writer = new Utf8JsonWriter(_lines, new JsonWriterOptions { SkipValidation = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        _subscription = events.Subscribe(Write);
    }

    /// <summary>Writes out what has gathered. Should that fail (a full disk), the trace ends here.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_lines.WrittenCount == 0)
            {
                return;
            }

            try
            {
                _stream.Write(_lines.WrittenSpan);
                _stream.Flush();
            }
            catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
            {
                _failed = true;
                _subscription.Dispose();
                _say($"the trace ends here, it cannot be written: {unwritable.Message}");
            }

            _lines.ResetWrittenCount();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscription.Dispose();
        Flush();
        _writer.Dispose();
        _stream.Dispose();
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
        const int FlushAt = 48 * 1024;
        bool full;
        lock (_lock)
        {
            if (_failed)
            {
                return; // an event that was under way
            }

            _writer.WriteStartObject();
            _writer.WriteNumber("time", (Stopwatch.GetTimestamp() - _start) * NanosecondsATick);
            _writer.WriteString("kind", machineEvent.Kind);
            machineEvent.Describe(this);
            _writer.WriteEndObject();
            _writer.Flush();
            _writer.Reset();
            _lines.Write("\n"u8);
            full = _lines.WrittenCount > FlushAt;
        }

        if (full)
        {
            Flush();
        }
    }
}
