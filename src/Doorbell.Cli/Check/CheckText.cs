using Doorbell.Checks;
using Doorbell.Hosts;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Doorbell.Cli.Check;

/// <summary>A check for people: the host in a line, a line a device, and details where they are asked for.</summary>
internal sealed class CheckText(IAnsiConsole console)
{
    private const int Gap = 3;
    private const int Margin = 2;

    private static readonly string[] s_headings = ["device", "what", "group", "verdict", "because"];

    /// <summary>Prints it.</summary>
    /// <param name="outcome">What was found.</param>
    /// <param name="isDetailed">Every function's whole path with evidence; else a line each.</param>
    public void Print(CheckOutcome outcome, bool isDetailed)
    {
        CheckReport report = outcome.Report;
        console.MarkupLineInterpolated($"[bold]{report.Host.Name}[/]: {string.Join("; ", CheckWords.Host(report.Host))}");
        console.WriteLine(CheckWords.Counts(report));
        if (report.Ranges.Count > 0)
        {
            Ranges(report.Ranges);
        }

        if (report.Functions.Count > 1 || (report.Functions.Count == 1 && !isDetailed))
        {
            console.WriteLine();
            Table(CheckRows.Of(report, isDetailed));
        }

        if (isDetailed)
        {
            foreach (FunctionCheck check in report.Functions)
            {
                console.WriteLine();
                new CheckDetails(console).Print(check);
            }
        }

        Guests(outcome.Guests);
        Tail(report, isDetailed);
    }

    private void Table(IReadOnlyList<CheckRow> rows)
    {
        int[] widths = [.. s_headings.Select((heading, column) => Math.Max(heading.Length, rows.Max(row => Cell(row, column).Length)))];
        if (widths.Sum() + (Gap * (widths.Length - 1)) + Margin > console.Profile.Width)
        {
            Records(rows);
            return;
        }

        Line([.. s_headings.Select(static heading => (heading, new Style(decoration: Decoration.Bold)))], widths);
        foreach (CheckRow row in rows)
        {
            Line([.. Enumerable.Range(0, widths.Length).Select(column => (Cell(row, column), column == 3 ? StyleOf(row.Check) : Style.Plain))], widths);
        }
    }

    private void Line(IReadOnlyList<(string Text, Style Style)> cells, int[] widths)
    {
        var line = new Paragraph(new string(' ', Margin));
        for (int column = 0; column < cells.Count; column++)
        {
            bool isLast = column == cells.Count - 1;
            line.Append(cells[column].Text, cells[column].Style);
            line.Append(isLast ? "" : new string(' ', widths[column] - cells[column].Text.Length + Gap));
        }

        console.Write(line);
        console.WriteLine();
    }

    // A terminal too narrow for the table: a device's verdict first, what else there is below it.
    private void Records(IReadOnlyList<CheckRow> rows)
    {
        foreach (CheckRow row in rows)
        {
            Indented(new Paragraph(row.Device).Append(": ").Append(CheckWords.Of(row.Check), StyleOf(row.Check)), Margin);
            Indented(new Text($"{row.What}, {(row.Group == "none" ? "no group" : $"group {row.Group}")}"), Margin + 2);
            if (row.Because.Length > 0)
            {
                Indented(new Text(row.Because), Margin + 2);
            }
        }
    }

    private void Ranges(IReadOnlyList<PciRangeCheck> ranges)
    {
        console.WriteLine("The source lists no PCI functions. What any function would meet, by its bus:");
        foreach (PciRangeCheck range in ranges)
        {
            string buses = range.FirstBus == range.LastBus ? $"bus {range.Host.Segment:x4}:{range.FirstBus:x2}" : $"buses {range.Host.Segment:x4}:{range.FirstBus:x2} to {range.LastBus:x2}";
            MsiPath path = range.Path;
            string iommu = path.Iommu is null ? CheckWords.NoIommu(path) : $"{path.Iommu}{(path.IommuKind is null || path.IommuKind == path.Iommu ? "" : $" ({path.IommuKind})")}";
            Indented(new Text($"{buses}: {iommu}; {CheckDetails.Isolated(path)}{(path.Window is { } window ? $"; window {CheckWords.Range(window)}" : "")}"), Margin);
        }
    }

    private void Guests(IReadOnlyList<GuestFinding> guests)
    {
        foreach (GuestFinding guest in guests)
        {
            console.WriteLine();
            string devices = guest.Devices.Count == 1 ? $"{guest.Devices[0]}" : $"{CheckWords.Counted(guest.Devices.Count, "device")} from {guest.Devices[0]} on";
            console.Write(new Paragraph($"Guest {guest.Guest} with {devices}: ").Append(guest.Fits ? "its memory fits" : "it cannot start", new Style(guest.Fits ? Color.Green : Color.Red)));
            console.WriteLine();
            foreach (GuestClash clash in guest.Clashes)
            {
                Indented(new Text($"{(clash.IsFatal ? "fatal" : "note")}: {clash.Sentence}."), Margin);
                if (clash.Evidence is { } evidence)
                {
                    Indented(new Text($"read from {evidence}"), Margin + 2);
                }
            }

            if (guest.Change is { } change)
            {
                Indented(new Text($"Smallest change: {change}"), Margin);
            }
        }
    }

    private void Tail(CheckReport report, bool isDetailed)
    {
        if (report.Unknown.Count > 0)
        {
            console.WriteLine();
            console.WriteLine("Not known:");
            foreach (HostUnknown unknown in report.Unknown)
            {
                Indented(new Text($"{unknown.What} ({unknown.Evidence}); what would tell: {unknown.Remedy}"), Margin);
            }
        }

        if (isDetailed && report.Notes.Count > 0)
        {
            console.WriteLine();
            console.WriteLine("The firmware's reader says:");
            foreach (string note in report.Notes)
            {
                Indented(new Text(note), Margin);
            }
        }

        if (!isDetailed && report.Functions.Count > 0)
        {
            console.WriteLine();
            console.WriteLine("--device BDF says everything of one device, --explain of all.");
        }
    }

    private static string Cell(CheckRow row, int column) => column switch
    {
        0 => row.Device,
        1 => row.What,
        2 => row.Group,
        3 => CheckWords.Of(row.Check),
        _ => row.Because,
    };

    internal static Style StyleOf(FunctionCheck check) => new(check.Verdict switch
    {
        CheckVerdict.NotAssignable => Color.Red,
        CheckVerdict.Unknown => Color.Yellow,
        _ => check.IsUnsafe ? Color.Yellow : Color.Green,
    });

    private void Indented(IRenderable content, int columns) => console.Write(new Padder(content, new Padding(columns, 0, 0, 0)));
}
