using System.Text.Encodings.Web;
using System.Text.Json;
using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Vfio;

namespace Doorbell.Cli.Check;

/// <summary>A check for programs: one JSON object; docs/check.md has its fields. What is not known is null, addresses are strings in hexadecimal.</summary>
internal static class CheckJson
{
    // Written out piece by piece: a host with thousands of functions is not held twice.
    private const int FlushAt = 1 << 16;

    public static void Print(Stream output, CheckOutcome outcome, bool indented = true)
    {
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            CheckReport report = outcome.Report;
            writer.WriteStartObject();
            writer.WriteString("format", "doorbell-check-1");
            writer.WriteString("verdict", CheckWords.Key(outcome.Verdict));
            Host(writer, report.Host);
            writer.WriteStartObject("counts");
            writer.WriteNumber("assignable", report.Count(CheckVerdict.Assignable));
            writer.WriteNumber("unsafe", report.Functions.Count(static check => check.IsUnsafe));
            writer.WriteNumber("not_assignable", report.Count(CheckVerdict.NotAssignable));
            writer.WriteNumber("unknown", report.Count(CheckVerdict.Unknown));
            writer.WriteEndObject();
            writer.WriteStartArray("functions");
            foreach (FunctionCheck check in report.Functions)
            {
                Function(writer, check);
                if (writer.BytesPending > FlushAt)
                {
                    writer.Flush();
                }
            }

            writer.WriteEndArray();
            Ranges(writer, report.Ranges);
            Guests(writer, outcome.Guests);
            writer.WriteStartArray("unknown");
            foreach (HostUnknown unknown in report.Unknown)
            {
                writer.WriteStartObject();
                writer.WriteString("what", unknown.What);
                EvidenceOf(writer, "evidence", unknown.Evidence);
                writer.WriteString("remedy", unknown.Remedy);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            Strings(writer, "notes", report.Notes);
            writer.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void Host(Utf8JsonWriter writer, HostSummary host)
    {
        writer.WriteStartObject("host");
        writer.WriteString("name", host.Name);
        writer.WriteString("architecture", host.Architecture is null ? null : CheckWords.Of(host.Architecture));
        writer.WriteString("kernel", host.KernelRelease);
        writer.WriteBoolean("running", host.IsRunning);
        if (host.Iommus is { } iommus)
        {
            Strings(writer, "iommus", iommus);
        }
        else
        {
            writer.WriteNull("iommus");
        }

        Strings(writer, "msi_controllers", host.Controllers);
        Flag(writer, "isolated", host.IsIsolated);
        Regions(writer, "windows", host.Windows);
        writer.WriteEndObject();
    }

    private static void Function(Utf8JsonWriter writer, FunctionCheck check)
    {
        HostFunction function = check.Function;
        writer.WriteStartObject();
        writer.WriteString("address", function.Address.ToString());
        writer.WriteString("vendor", $"{function.VendorId:x4}");
        writer.WriteString("device", $"{function.DeviceId:x4}");
        writer.WriteString("class", $"{function.ClassCode:x6}");
        writer.WriteString("name", CheckWords.Name(function));
        writer.WriteString("driver", function.Driver);
        writer.WriteBoolean("driver_known", function.DriverKnown);
        writer.WriteString("verdict", CheckWords.Key(check.Verdict));
        writer.WriteBoolean("unsafe", check.IsUnsafe);
        writer.WriteStartArray("reasons");
        foreach (CheckReason reason in check.Reasons)
        {
            Reason(writer, reason);
        }

        writer.WriteEndArray();
        Path(writer, check.Path);
        Group(writer, check.Group);
        Regions(writer, "reserved", check.ReservedRegions);
        if (check.UsableRanges is { } ranges)
        {
            writer.WriteStartArray("usable");
            foreach (IovaRange range in ranges)
            {
                writer.WriteStartObject();
                writer.WriteString("first", CheckWords.Hex(range.First.Value));
                writer.WriteString("last", CheckWords.Hex(range.Last.Value));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }
        else
        {
            writer.WriteNull("usable");
        }

        writer.WriteBoolean("aperture_known", check.IsApertureKnown);
        Number(writer, "msi_vectors", check.MsiVectors);
        Number(writer, "msix_vectors", check.MsiXVectors);
        writer.WriteEndObject();
    }

    private static void Reason(Utf8JsonWriter writer, CheckReason reason)
    {
        writer.WriteStartObject();
        writer.WriteString("id", reason.Kind.Id);
        writer.WriteString("rule", reason.Kind.Rule);
        writer.WriteString("severity", CheckWords.Key(reason.Kind.Severity));
        writer.WriteString("brief", reason.Brief);
        writer.WriteString("sentence", reason.Sentence);
        Evidences(writer, reason.Evidence);
        writer.WriteString("remedy", reason.Remedy);
        Strings(writer, "commands", reason.Commands);
        writer.WriteEndObject();
    }

    private static void Path(Utf8JsonWriter writer, MsiPath path)
    {
        writer.WriteStartObject("path");
        writer.WriteString("requester", path.Requester is { } requester ? CheckWords.Hex(requester.Value) : null);
        writer.WriteString("alias_of", path.AliasOf?.ToString());
        writer.WriteString("iommu", path.Iommu);
        writer.WriteString("iommu_kind", path.IommuKind);
        Hex(writer, "stream_id", path.StreamId);
        Flag(writer, "translated", path.IsTranslated);
        writer.WriteString("controller", path.Controller);
        writer.WriteString("controller_kind", path.ControllerKind);
        Hex(writer, "device_id", path.DeviceId);
        Flag(writer, "isolated", path.IsIsolated);
        writer.WriteString("isolated_because", path.IsolatedBecause);
        Hex(writer, "doorbell", path.Doorbell);
        if (path.Window is { } window)
        {
            writer.WritePropertyName("window");
            Region(writer, window);
        }
        else
        {
            writer.WriteNull("window");
        }

        Number(writer, "pages", path.Pages);
        Hex(writer, "page_size", path.PageSize);
        Evidences(writer, path.Evidence);
        writer.WriteEndObject();
    }

    private static void Group(Utf8JsonWriter writer, GroupCheck? group)
    {
        if (group is null)
        {
            writer.WriteNull("group");
            return;
        }

        writer.WriteStartObject("group");
        writer.WriteNumber("number", group.Number);
        writer.WriteString("type", group.Type);
        writer.WriteStartArray("others");
        foreach (GroupMember member in group.Others)
        {
            writer.WriteStartObject();
            writer.WriteString("address", member.Address.ToString());
            writer.WriteBoolean("bridge", member.IsBridge);
            writer.WriteString("driver", member.Driver);
            writer.WriteString("why", member.Why);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("more_others", group.MoreOthers);
        Strings(writer, "other_devices", group.OtherDevices);
        writer.WriteNumber("more_other_devices", group.MoreOtherDevices);
        EvidenceOf(writer, "evidence", group.Evidence);
        writer.WriteEndObject();
    }

    private static void Ranges(Utf8JsonWriter writer, IReadOnlyList<PciRangeCheck> ranges)
    {
        writer.WriteStartArray("ranges");
        foreach (PciRangeCheck range in ranges)
        {
            writer.WriteStartObject();
            writer.WriteNumber("segment", range.Host.Segment);
            writer.WriteNumber("first_bus", range.FirstBus);
            writer.WriteNumber("last_bus", range.LastBus);
            Path(writer, range.Path);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Guests(Utf8JsonWriter writer, IReadOnlyList<GuestFinding> guests)
    {
        writer.WriteStartArray("guests");
        foreach (GuestFinding guest in guests)
        {
            writer.WriteStartObject();
            writer.WriteString("guest", guest.Guest);
            Strings(writer, "devices", guest.Devices.Select(static device => device.ToString()));
            writer.WriteBoolean("fits", guest.Fits);
            writer.WriteStartArray("collisions");
            foreach (GuestClash clash in guest.Clashes)
            {
                writer.WriteStartObject();
                writer.WriteString("rule", clash.Rule);
                writer.WriteBoolean("fatal", clash.IsFatal);
                writer.WriteString("sentence", clash.Sentence);
                if (clash.Evidence is { } evidence)
                {
                    EvidenceOf(writer, "evidence", evidence);
                }
                else
                {
                    writer.WriteNull("evidence");
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteString("change", guest.Change);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Regions(Utf8JsonWriter writer, string name, IReadOnlyList<ReservedRegion>? regions)
    {
        if (regions is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartArray(name);
        foreach (ReservedRegion region in regions)
        {
            Region(writer, region);
        }

        writer.WriteEndArray();
    }

    private static void Region(Utf8JsonWriter writer, ReservedRegion region)
    {
        writer.WriteStartObject();
        writer.WriteString("first", CheckWords.Hex(region.Base.Value));
        writer.WriteString("last", CheckWords.Hex(region.Last.Value));
        writer.WriteString("type", CheckWords.Key(region.Type));
        writer.WriteEndObject();
    }

    private static void Evidences(Utf8JsonWriter writer, IReadOnlyList<Evidence> evidences)
    {
        writer.WriteStartArray("evidence");
        foreach (Evidence evidence in evidences)
        {
            Place(writer, evidence);
        }

        writer.WriteEndArray();
    }

    private static void EvidenceOf(Utf8JsonWriter writer, string name, Evidence evidence)
    {
        writer.WritePropertyName(name);
        Place(writer, evidence);
    }

    private static void Place(Utf8JsonWriter writer, Evidence evidence)
    {
        writer.WriteStartObject();
        writer.WriteString("file", evidence.File);
        writer.WriteString("place", evidence.Place);
        writer.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }

    private static void Flag(Utf8JsonWriter writer, string name, bool? value)
    {
        if (value is { } known)
        {
            writer.WriteBoolean(name, known);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    private static void Number(Utf8JsonWriter writer, string name, int? value)
    {
        if (value is { } known)
        {
            writer.WriteNumber(name, known);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    private static void Hex(Utf8JsonWriter writer, string name, ulong? value) => writer.WriteString(name, value is { } known ? CheckWords.Hex(known) : null);
}
