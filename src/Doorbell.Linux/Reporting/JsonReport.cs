using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Doorbell.Events;

namespace Doorbell.Linux.Reporting;

/// <summary>The report as JSON; its schema is docs/report.md.</summary>
internal static class JsonReport
{
    /// <summary>What <c>schema</c> says: it changes when a field goes or means something else, not when one is added.</summary>
    internal const string Schema = "doorbell-report-1";

    /// <summary>Writes it.</summary>
    internal static void Write(RunReport report, Stream stream)
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("schema", Schema);
        json.WriteString("doorbell", RunReport.Version);
        WriteRun(json, report);
        WriteTroubles(json, "refusals", report.Of(TroubleKind.Refusal));
        WriteTroubles(json, "lost_interrupts", report.Of(TroubleKind.LostInterrupt));
        WriteTroubles(json, "faults", report.Of(TroubleKind.Fault));
        json.WriteNumber("further", report.Others);
        json.WriteStartArray("devices");
        foreach (DeviceAccount device in report.Devices)
        {
            WriteDevice(json, report, device);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRun(Utf8JsonWriter json, RunReport report)
    {
        json.WriteStartObject("run");
        json.WriteStartArray("command");
        foreach (string word in report.Command)
        {
            json.WriteStringValue(Whole(word));
        }

        json.WriteEndArray();
        WriteText(json, "machine", report.Machine);
        WriteText(json, "uapi", report.Uapi);
        json.WriteBoolean("allow_unsafe_interrupts", report.AllowUnsafeInterrupts);
        json.WriteString("started", report.Started.ToString("yyyy-MM-dd'T'HH:mm:ss.fffK", CultureInfo.InvariantCulture));
        json.WriteNumber("duration_ns", report.Duration);
        json.WriteNumber("exit_status", report.Status);
        WriteText(json, "error", report.Error);
        json.WriteEndObject();
    }

    private static void WriteTroubles(Utf8JsonWriter json, string name, IEnumerable<Trouble> troubles)
    {
        json.WriteStartArray(name);
        foreach (Trouble trouble in troubles)
        {
            json.WriteStartObject();
            json.WriteNumber("time_ns", trouble.FirstTime);
            json.WriteNumber("last_time_ns", trouble.LastTime);
            json.WriteNumber("count", trouble.Count);
            json.WriteString("severity", trouble.Severity == TroubleSeverity.Note ? "note" : "error");
            WriteText(json, "device", trouble.Device);
            if (trouble.Kind == TroubleKind.Refusal)
            {
                WriteCall(json, trouble);
            }

            if (trouble.Vector is { } vector)
            {
                json.WriteNumber("vector", vector);
            }
            else if (trouble.Kind == TroubleKind.LostInterrupt)
            {
                json.WriteNull("vector");
            }

            foreach ((string field, string value) in trouble.Details)
            {
                WriteText(json, field, value);
            }

            WriteText(json, "rule", trouble.Rule);
            WriteText(json, "rule_text", RuleText.Of(trouble.Rule));
            WriteText(json, "reason", trouble.Reason);
            WriteText(json, "remedy", trouble.Remedy);
            WriteText(json, "message", trouble.Sentence);
            if (trouble.Kind == TroubleKind.Fault)
            {
                json.WriteStartArray("kernel_log");
                foreach (string line in trouble.KernelLog)
                {
                    json.WriteStringValue(Whole(line));
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCall(Utf8JsonWriter json, Trouble trouble)
    {
        if (trouble.Asker is { } asker)
        {
            json.WriteNumber("pid", asker.Pid);
            json.WriteNumber("tid", asker.Tid);
            WriteText(json, "program", asker.Program);
            WriteText(json, "thread", asker.Thread);
        }
        else
        {
            json.WriteNull("pid");
            json.WriteNull("tid");
            json.WriteNull("program");
            json.WriteNull("thread");
        }

        WriteText(json, "call", trouble.Call);
        WriteText(json, "operation", trouble.What);
        WriteText(json, "subject", trouble.Subject);
        WriteText(json, "errno", trouble.Errno.ToString());
    }

    private static void WriteDevice(Utf8JsonWriter json, RunReport report, DeviceAccount device)
    {
        json.WriteStartObject();
        json.WriteString("address", device.Name);
        json.WriteString("description", device.Description);
        if (device.Group is { } group)
        {
            json.WriteNumber("group", group);
        }
        else
        {
            json.WriteNull("group");
        }

        WriteText(json, "driver", device.Driver);
        json.WriteStartArray("vectors");
        foreach (VectorAccount vector in report.VectorsOf(device.Name))
        {
            json.WriteStartObject();
            json.WriteString("type", RunReport.NameOfIndex(vector.Index));
            json.WriteNumber("vector", vector.Vector);
            json.WriteNumber("armed", vector.Armed);
            json.WriteNumber("delivered", vector.Delivered);
            json.WriteNumber("lost", report.LostOf(vector));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("dma_read_bytes", device.BytesRead);
        json.WriteNumber("dma_written_bytes", device.BytesWritten);
        json.WriteNumber("lost_interrupts", report.Of(TroubleKind.LostInterrupt).Where(lost => lost.Device == device.Name).Sum(lost => lost.Count));
        json.WriteNumber("faults", report.Of(TroubleKind.Fault).Where(fault => fault.Device == device.Name).Sum(fault => fault.Count));
        json.WriteNumber("refusals", report.Of(TroubleKind.Refusal).Where(refusal => refusal.Device == device.Name).Sum(refusal => refusal.Count));
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? value)
    {
        if (value is null)
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteString(name, Whole(value));
        }
    }

    // A program's argument need not be text: half a surrogate pair would make the writer throw.
    private static string Whole(string text) => text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') < 0 ? text
        : new string([.. text.EnumerateRunes().SelectMany(static rune => rune.ToString())]);
}
