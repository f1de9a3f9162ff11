using System.Text.Encodings.Web;
using System.Text.Json;
using Doorbell.Machines;

namespace Doorbell.Cli.Machines;

/// <summary>A scan for programs: one object a device tree, one a line, and one with the totals.</summary>
internal static class ScanJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Print(Stream output, IEnumerable<ScannedTree> trees, ScanTotals totals)
    {
        foreach (ScannedTree tree in trees)
        {
            Line(output, writer => Tree(writer, tree));
        }

        Line(output, writer =>
        {
            writer.WriteStartObject("totals");
            writer.WriteNumber("trees", totals.Trees);
            writer.WriteNumber("loads", totals.Loads);
            writer.WriteNumber("refused", totals.Refused);
            writer.WriteNumber("refused_without_host", totals.Lacking);
            writer.WriteNumber("refused_disabled", totals.Disabled);
            writer.WriteNumber("refused_unmodelled", totals.Unmodelled);
            writer.WriteNumber("refused_wrong", totals.Wrong);
            writer.WriteNumber("isolated", totals.Isolated);
            writer.WriteNumber("translated", totals.Translated);
            writer.WriteNumber("isolated_and_translated", totals.Safe);
            writer.WriteEndObject();
        });
    }

    private static void Tree(Utf8JsonWriter writer, ScannedTree tree)
    {
        writer.WriteString("file", tree.File);
        writer.WriteString("model", tree.Model);
        writer.WriteBoolean("loads", tree.Survey is not null);
        if (tree.Survey is not { } survey)
        {
            writer.WriteString("errno", tree.Errno.ToString());
            writer.WriteString("reason", tree.Reason);
            return;
        }

        writer.WriteNumber("cpus", survey.Machine.Description.Cpus);
        writer.WriteNumber("hosts", survey.Machine.Description.PciHosts.Count);
        writer.WriteBoolean("isolated", survey.IsIsolated);
        writer.WriteBoolean("translated", survey.IsTranslated);
        writer.WriteStartArray("slots");
        foreach (SlotSurvey slot in survey.Slots)
        {
            writer.WriteStartObject();
            writer.WriteString("address", slot.Device.Name);
            writer.WriteString("host", slot.Host.Name);
            writer.WriteString("msi_controller", slot.Device.MsiDomain?.Parent?.Name);
            writer.WriteBoolean("isolated", slot.IsIsolated);
            writer.WriteString("iommu", slot.Device.Iommu?.Name);
            if (slot.Group is { } group)
            {
                writer.WriteNumber("group", group.Id);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("notes");
        foreach (string note in survey.Machine.Description.Notes)
        {
            writer.WriteStringValue(note);
        }

        writer.WriteEndArray();
    }

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
