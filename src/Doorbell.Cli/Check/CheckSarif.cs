using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Doorbell.Checks;
using Doorbell.Hosts;

namespace Doorbell.Cli.Check;

/// <summary>A check as SARIF 2.1.0 (OASIS), for code scanning and editors: one result a reason, its rules described.</summary>
internal static class CheckSarif
{
    private const string Schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

    // A collision of --guest is a reason that the verdicts do not have.
    private static readonly ReasonKind s_guestCollision = new("guest-collision", "N5", CheckSeverity.Blocks, "The guest's memory meets what the host keeps",
        "Guest RAM that lies in a reserved region of the host, or past what its IOMMU translates, cannot be mapped: VFIO_IOMMU_MAP_DMA fails with EINVAL and the guest does not start.");

    private static readonly ReasonKind[] s_kinds = [.. ReasonKinds.All, s_guestCollision];

    public static void Print(Stream output, CheckOutcome outcome, string version)
    {
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("$schema", Schema);
            writer.WriteString("version", "2.1.0");
            writer.WriteStartArray("runs");
            writer.WriteStartObject();
            Tool(writer, version);
            writer.WriteStartArray("results");
            foreach (FunctionCheck check in outcome.Report.Functions)
            {
                foreach (CheckReason reason in check.Reasons)
                {
                    Result(writer, reason.Kind, Level(reason.Kind.Severity), reason.Remedy.Length == 0 ? reason.Sentence : $"{reason.Sentence} {reason.Remedy}.", reason.Evidence.Count > 0 ? reason.Evidence : [check.Function.Evidence], check.Function.Address.ToString());
                }
            }

            foreach (GuestFinding guest in outcome.Guests)
            {
                foreach (GuestClash clash in guest.Clashes)
                {
                    Result(writer, s_guestCollision, clash.IsFatal ? "error" : "note", $"Guest {guest.Guest}: {clash.Sentence}.{(guest.Change is { } change ? $" Smallest change: {change}" : "")}", clash.Evidence is { } evidence ? [evidence] : [], guest.Devices[0].ToString());
                }
            }

            writer.WriteEndArray();
            writer.WriteString("columnKind", "utf16CodeUnits");
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void Tool(Utf8JsonWriter writer, string version)
    {
        writer.WriteStartObject("tool");
        writer.WriteStartObject("driver");
        writer.WriteString("name", "doorbell check");
        writer.WriteString("version", version);
        writer.WriteStartArray("rules");
        foreach (ReasonKind kind in s_kinds)
        {
            writer.WriteStartObject();
            writer.WriteString("id", kind.Id);
            Text(writer, "shortDescription", kind.Title + ".");
            Text(writer, "fullDescription", kind.Help);
            Text(writer, "help", $"{kind.Help} Rule {kind.Rule} (docs/rules.md); docs/check.md has an example.");
            writer.WriteStartObject("defaultConfiguration");
            writer.WriteString("level", Level(kind.Severity));
            writer.WriteEndObject();
            writer.WriteStartObject("properties");
            writer.WriteStartArray("tags");
            writer.WriteStringValue(kind.Rule);
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Result(Utf8JsonWriter writer, ReasonKind kind, string level, string message, IReadOnlyList<Evidence> evidences, string device)
    {
        writer.WriteStartObject();
        writer.WriteString("ruleId", kind.Id);
        writer.WriteNumber("ruleIndex", Array.IndexOf(s_kinds, kind));
        writer.WriteString("level", level);
        Text(writer, "message", message);
        writer.WriteStartArray("locations");
        foreach (Evidence evidence in evidences)
        {
            Location(writer, evidence, device);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("partialFingerprints");
        writer.WriteString("deviceAndReason/v1", $"{device}/{kind.Id}");
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Location(Utf8JsonWriter writer, Evidence evidence, string device)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("physicalLocation");
        writer.WriteStartObject("artifactLocation");
        writer.WriteString("uri", UriOf(evidence.File));
        writer.WriteEndObject();
        if (RegionOf(evidence.Place) is var (name, value))
        {
            writer.WriteStartObject("region");
            writer.WriteNumber(name, value);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteStartArray("logicalLocations");
        writer.WriteStartObject();
        writer.WriteString("fullyQualifiedName", device);
        writer.WriteString("kind", "device");
        writer.WriteEndObject();
        writer.WriteEndArray();
        if (evidence.Place.Length > 0)
        {
            Text(writer, "message", evidence.Place);
        }

        writer.WriteEndObject();
    }

    // "line 3" and "offset 0x58" are regions; any other place (a node, a word) is said in the location's message.
    private static (string Name, long Value)? RegionOf(string place)
    {
        string[] words = place.Split(' ');
        if (words is ["line", var line] && int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0)
        {
            return ("startLine", number);
        }

        return words.Length >= 2 && words[^2] == "offset" && words[^1].StartsWith("0x", StringComparison.Ordinal)
            && int.TryParse(words[^1].AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int offset) && offset >= 0
            ? ("byteOffset", offset)
            : null;
    }

    // A path as a URI reference (RFC 3986): an absolute one as file:, segment by segment.
    private static string UriOf(string file)
    {
        string path = string.Join('/', file.Split('/').Select(Uri.EscapeDataString));
        return path.StartsWith('/') ? "file://" + path : path;
    }

    private static string Level(CheckSeverity severity) => severity switch
    {
        CheckSeverity.Blocks => "error",
        CheckSeverity.Note => "note",
        _ => "warning",
    };

    private static void Text(Utf8JsonWriter writer, string name, string text)
    {
        writer.WriteStartObject(name);
        writer.WriteString("text", text);
        writer.WriteEndObject();
    }
}
