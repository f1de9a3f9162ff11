using Doorbell.Checks;
using Doorbell.Hosts;

namespace Doorbell.Cli.Check;

/// <summary>A check as a table for an issue or a pull request.</summary>
internal static class CheckMarkdown
{
    public static void Print(TextWriter output, CheckOutcome outcome, bool isAll)
    {
        CheckReport report = outcome.Report;
        output.WriteLine($"### Passthrough on {Plain(report.Host.Name)}");
        output.WriteLine();
        output.WriteLine(Plain(string.Join("; ", CheckWords.Host(report.Host))) + ".");
        output.WriteLine($"**{Plain(CheckWords.Counts(report))}**");
        output.WriteLine();
        if (report.Functions.Count > 0)
        {
            output.WriteLine("| device | what | group | verdict | because |");
            output.WriteLine("|---|---|---|---|---|");
            foreach (CheckRow row in CheckRows.Of(report, isAll))
            {
                output.WriteLine($"| {row.Device} | {Plain(row.What)} | {row.Group} | {Mark(row.Check)} {CheckWords.Of(row.Check)} | {Plain(row.Because)} |");
            }

            output.WriteLine();
            Reasons(output, report);
        }

        foreach (PciRangeCheck range in report.Ranges)
        {
            output.WriteLine($"- buses {range.Host.Segment:x4}:{range.FirstBus:x2} to {range.LastBus:x2}: {Plain(range.Path.Iommu ?? CheckWords.NoIommu(range.Path))}; {Plain(CheckDetails.Isolated(range.Path))}");
        }

        foreach (GuestFinding guest in outcome.Guests)
        {
            output.WriteLine();
            output.WriteLine($"Guest `{guest.Guest}` with {guest.Devices[0]}{(guest.Devices.Count > 1 ? $" and {guest.Devices.Count - 1} more" : "")}: **{(guest.Fits ? "its memory fits" : "it cannot start")}**");
            output.WriteLine();
            foreach (GuestClash clash in guest.Clashes)
            {
                output.WriteLine($"- {(clash.IsFatal ? "fatal" : "note")}: {Plain(clash.Sentence)}");
            }

            if (guest.Change is { } change)
            {
                output.WriteLine($"- smallest change: {Plain(change)}");
            }
        }

        if (report.Unknown.Count > 0)
        {
            output.WriteLine("Not known:");
            output.WriteLine();
            foreach (HostUnknown unknown in report.Unknown)
            {
                output.WriteLine($"- {Plain(unknown.What)} (`{unknown.Evidence}`); what would tell: {Plain(unknown.Remedy)}");
            }
        }
    }

    // Each kind of reason that decides once, with its first sentence, evidence and what to do.
    private static void Reasons(TextWriter output, CheckReport report)
    {
        IEnumerable<IGrouping<string, CheckReason>> kinds = report.Functions.SelectMany(static check => check.Reasons).Where(static reason => reason.Kind.Severity != CheckSeverity.Note).GroupBy(static reason => reason.Kind.Id);
        foreach (IGrouping<string, CheckReason> kind in kinds)
        {
            CheckReason first = kind.First();
            output.WriteLine($"- `{kind.Key}` ({first.Kind.Rule}): {Plain(first.Sentence)}{(kind.Count() > 1 ? $" And {kind.Count() - 1} more." : "")}{(first.Remedy.Length > 0 ? $" {Plain(first.Remedy)}." : "")}{(first.Evidence.Count > 0 ? $" Read from {string.Join(", ", first.Evidence.Select(static evidence => $"`{evidence}`"))}." : "")}");
        }

        output.WriteLine();
    }

    private static string Mark(FunctionCheck check) => check switch
    {
        { IsUnsafe: true } => "⚠",
        { Verdict: CheckVerdict.Assignable } => "✔",
        { Verdict: CheckVerdict.NotAssignable } => "✘",
        _ => "?",
    };

    // Nothing of a host's names is markup.
    private static string Plain(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
