using System.Globalization;
using System.Text;
using System.Xml;
using Doorbell.Events;

namespace Doorbell.Linux.Reporting;

/// <summary>
/// The report as JUnit's XML, which CI systems show: a testsuite for the run and one a device, a failed testcase for each refusal, lost
/// interrupt and fault, a passed one for each armed vector and for a suite with nothing wrong. What is a note is no failure.
/// </summary>
internal static class JUnitReport
{
    private const long NanosecondsASecond = 1_000_000_000;

    /// <summary>Writes it.</summary>
    internal static void Write(RunReport report, Stream stream)
    {
        using XmlWriter xml = XmlWriter.Create(stream, new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), CloseOutput = false });
        Trouble[] ofTheRun = [.. report.Troubles.Where(trouble => !report.Devices.Any(device => device.Name == trouble.Device))];
        xml.WriteStartDocument();
        xml.WriteStartElement("testsuites");
        Attribute(xml, "name", "doorbell run");
        WriteSuite(xml, report, $"doorbell run {report.Command[0]}", ofTheRun, _ => WriteRun(xml, report), report.Error is not null || report.Status != 0 ? 1 : 0, 1);
        foreach (DeviceAccount device in report.Devices)
        {
            VectorAccount[] vectors = [.. report.VectorsOf(device.Name)];
            Trouble[] troubles = [.. report.Troubles.Where(trouble => trouble.Device == device.Name)];
            WriteSuite(xml, report, device.Name, troubles, suite => WriteDevice(xml, suite, device, vectors), 0, 1 + vectors.Length);
        }

        xml.WriteEndElement();
        xml.WriteEndDocument();
    }

    private static void WriteSuite(XmlWriter xml, RunReport report, string name, Trouble[] troubles, Action<string> writePassed, int ownFailures, int ownTests)
    {
        Trouble[] failures = [.. troubles.Where(trouble => trouble.Severity == TroubleSeverity.Error)];
        xml.WriteStartElement("testsuite");
        Attribute(xml, "name", name);
        Attribute(xml, "tests", Number(ownTests + failures.Length));
        Attribute(xml, "failures", Number(ownFailures + failures.Length));
        Attribute(xml, "errors", "0");
        Attribute(xml, "skipped", "0");
        Attribute(xml, "time", Seconds(report.Duration));
        Attribute(xml, "timestamp", report.Started.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture));
        writePassed(name);
        foreach (Trouble trouble in failures)
        {
            WriteFailure(xml, name, trouble);
        }

        Trouble[] notes = [.. troubles.Where(trouble => trouble.Severity == TroubleSeverity.Note)];
        if (notes.Length > 0)
        {
            xml.WriteElementString("system-out", Clean(string.Concat(notes.Select(note => $"{note.Count}x {note.Sentence}\n"))));
        }

        xml.WriteEndElement();
    }

    private static void WriteRun(XmlWriter xml, RunReport report)
    {
        BeginCase(xml, "doorbell run", "the program", report.Duration);
        if (report.Error is not null || report.Status != 0)
        {
            xml.WriteStartElement("failure");
            Attribute(xml, "type", "exit status");
            Attribute(xml, "message", report.Error ?? $"exit status {report.Status}");
            xml.WriteString(Clean($"{string.Join(' ', report.Command)}\nexit status {report.Status}\n"));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void WriteDevice(XmlWriter xml, string suite, DeviceAccount device, VectorAccount[] vectors)
    {
        BeginCase(xml, suite, "DMA", 0);
        xml.WriteElementString("system-out", $"{device.BytesRead} bytes read, {device.BytesWritten} bytes written\n");
        xml.WriteEndElement();
        foreach (VectorAccount vector in vectors)
        {
            BeginCase(xml, suite, $"{RunReport.NameOfIndex(vector.Index)} vector {vector.Vector}", 0);
            xml.WriteElementString("system-out", $"armed {vector.Armed} times, {vector.Delivered} interrupts delivered\n");
            xml.WriteEndElement();
        }
    }

    private static void WriteFailure(XmlWriter xml, string suite, Trouble trouble)
    {
        BeginCase(xml, suite, trouble.Kind == TroubleKind.Refusal ? $"{trouble.Call ?? trouble.What}: {trouble.Errno}" : $"{trouble.What} of {trouble.Subject}", 0);
        xml.WriteStartElement("failure");
        Attribute(xml, "type", trouble.Kind switch { TroubleKind.Refusal => "refusal", TroubleKind.LostInterrupt => "lost interrupt", _ => "fault" });
        Attribute(xml, "message", trouble.Sentence);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{trouble.Sentence}\n{trouble.Count} times, the first {Seconds(trouble.FirstTime)} s after the start\n");
        if (RuleText.Of(trouble.Rule) is { } rule)
        {
            text.Append(CultureInfo.InvariantCulture, $"rule {trouble.Rule}: {rule}\n");
        }

        foreach (string line in trouble.KernelLog)
        {
            text.Append(line).Append('\n');
        }

        xml.WriteString(Clean(text.ToString()));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void BeginCase(XmlWriter xml, string suite, string name, long duration)
    {
        xml.WriteStartElement("testcase");
        Attribute(xml, "classname", suite);
        Attribute(xml, "name", name);
        Attribute(xml, "time", Seconds(duration));
    }

    private static void Attribute(XmlWriter xml, string name, string value) => xml.WriteAttributeString(name, Clean(value));

    private static string Seconds(long nanoseconds) => ((double)nanoseconds / NanosecondsASecond).ToString("F3", CultureInfo.InvariantCulture);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    // XML 1.0 has no way to say most control characters, nor half a surrogate pair; a program may be called by them all the same.
    private static string Clean(string text)
    {
        StringBuilder clean = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isSaid = rune.Value is '\t' or '\n' or (>= 0x20 and not (0x7f or 0xfffe or 0xffff));
            clean.Append(isSaid ? rune.ToString() : "\ufffd");
        }

        return clean.ToString();
    }
}
