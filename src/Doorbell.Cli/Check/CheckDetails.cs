using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines.Yaml;
using Spectre.Console;

namespace Doorbell.Cli.Check;

/// <summary>Everything of one function, for people: the way of its MSIs, its group, its IOVAs, and each reason with evidence and what to do.</summary>
internal sealed class CheckDetails(IAnsiConsole console)
{
    private const int LabelWidth = 10;
    private const int Margin = 2;

    private string _label = "";

    public void Print(FunctionCheck check)
    {
        _label = "";
        HostFunction function = check.Function;
        string driver = function.Driver is { } bound ? $", driver {bound}" : function.DriverKnown ? ", no driver" : "";
        console.Write(new Paragraph($"{function.Address}", new Style(decoration: Decoration.Bold)).Append($"  {CheckWords.Name(function)}{driver}: ").Append(CheckWords.Of(check), CheckText.StyleOf(check)));
        console.WriteLine();
        foreach (string line in Path(check.Path))
        {
            Row("MSI path", line);
        }

        Row("isolated", Isolated(check.Path));
        foreach (string line in Group(check))
        {
            Row("group", line);
        }

        foreach (ReservedRegion region in check.ReservedRegions ?? [])
        {
            Row("reserved", $"{CheckWords.Range(region)} {Meaning(region)}");
        }

        Row("usable", CheckWords.Ranges(check));
        Row("vectors", CheckWords.Vectors(check));
        if (function.NumaNode is >= 0 and int node)
        {
            Row("NUMA node", $"{node}");
        }

        foreach (Evidence evidence in check.Path.Evidence.Prepend(function.Evidence).Distinct())
        {
            Row("read from", $"{evidence}");
        }

        foreach (CheckReason reason in check.Reasons)
        {
            Reason(reason);
        }
    }

    /// <summary>The way, a hop after the other.</summary>
    private static IEnumerable<string> Path(MsiPath path)
    {
        string requester = path.Requester is { } id ? $"requester {id}{(path.AliasOf is { } bridge ? $" (of bridge {bridge})" : "")}" : "requester not known";
        string iommu = path.Iommu is null ? CheckWords.NoIommu(path) : $"{Named(path.Iommu, path.IommuKind)}{(path.StreamId is { } stream ? $", StreamID {CheckWords.Hex(stream)}" : "")}";
        string controller = path.Controller is null ? "MSI controller" : $"{Named(path.Controller, path.ControllerKind)}{(path.DeviceId is { } device ? $", DeviceID {CheckWords.Hex(device)}" : "")}";
        yield return path.Iommu is null && path.IsTranslated == false ? $"{requester} -> {controller}" : $"{requester} -> {iommu} -> {controller}";
        if (path.Doorbell is { } doorbell)
        {
            yield return $"doorbell {CheckWords.Hex(doorbell)}";
        }

        yield return path.IsTranslated switch
        {
            true => $"translated: the doorbell is mapped in the window {(path.Window is { } window ? CheckWords.Range(window) : "")}{(path.Pages is { } pages ? $", {CheckWords.Counted(pages, "page")} of {YamlNumber.Size(path.PageSize ?? 0)}" : "")}",
            false => "not translated: no doorbell needs a mapping",
            null => "whether an IOMMU translates MSIs is not known",
        };
    }

    public static string Isolated(MsiPath path) => path.IsIsolated switch
    {
        true => $"MSIs are isolated: {path.IsolatedBecause}",
        false => $"MSIs are NOT isolated: {path.IsolatedBecause}",
        null => $"not known: {path.IsolatedBecause}",
    };

    private static IEnumerable<string> Group(FunctionCheck check)
    {
        if (check.Group is not { } group)
        {
            yield return check.Function.Group is { } number ? $"{number}, which was not read" : "none, or not known";
            yield break;
        }

        yield return group.Others.Count + group.OtherDevices.Count == 0 ? $"{group.Number}, alone{TypeOf(group)}" : $"{group.Number}{TypeOf(group)}, with:";
        foreach (GroupMember member in group.Others)
        {
            yield return $"  {member.Address}{(member.IsBridge ? " (bridge)" : member.Driver is { } driver ? $" (driver {driver})" : "")}: {member.Why}";
        }

        if (group.MoreOthers > 0)
        {
            yield return $"  and {group.MoreOthers} more";
        }

        foreach (string device in group.OtherDevices)
        {
            yield return $"  {device}, not PCI";
        }
    }

    private static string TypeOf(GroupCheck group) => group.Type is null ? "" : $" (default domain {group.Type})";

    private static string Meaning(ReservedRegion region) => region.Type switch
    {
        ReservedRegionType.SoftwareMsi => "the window for doorbells (sw-msi)",
        ReservedRegionType.Msi => "taken as MSIs by hardware (msi)",
        ReservedRegionType.Direct => "mapped one to one for firmware (direct)",
        ReservedRegionType.DirectRelaxable => "mapped one to one while the host has the device (direct-relaxable)",
        _ => "not to be used (reserved)",
    };

    private void Reason(CheckReason reason)
    {
        Style style = new(reason.Kind.Severity switch
        {
            CheckSeverity.Blocks => Color.Red,
            CheckSeverity.Unknown or CheckSeverity.Unsafe => Color.Yellow,
            _ => Color.Default,
        });
        console.Write(new Padder(new Paragraph($"{CheckWords.Key(reason.Kind.Severity)}: ", style).Append($"{reason.Sentence} [{reason.Kind.Id}, {reason.Kind.Rule}]"), new Padding(Margin, 0, 0, 0)));
        foreach (Evidence evidence in reason.Evidence)
        {
            Indented($"read from {evidence}");
        }

        if (reason.Remedy.Length > 0)
        {
            Indented($"what to do: {reason.Remedy}");
        }

        foreach (string command in reason.Commands)
        {
            Indented($"  {command}");
        }
    }

    private void Indented(string text) => console.Write(new Padder(new Text(text), new Padding(Margin + 2, 0, 0, 0)));

    private void Row(string label, string text)
    {
        // Said once, at the first of its lines.
        string shown = label == _label ? "" : label;
        _label = label;
        int own = text.Length - text.TrimStart(' ').Length;
        var grid = new Grid { Expand = false };
        grid.AddColumn(new GridColumn { Width = LabelWidth, NoWrap = true, Padding = new Padding(Margin, 0, 0, 0) });
        grid.AddColumn(new GridColumn { Padding = new Padding(1 + own, 0, 0, 0) });
        grid.AddRow(new Text(shown), new Text(text.TrimStart(' ')));
        console.Write(grid);
    }

    private static string Named(string name, string? kind) => kind is null || kind == name ? name : $"{name} ({kind})";
}
