using Doorbell.Checks;
using Doorbell.Cli.Check;
using Doorbell.Cli.Explain;
using Spectre.Console;

namespace Doorbell.Tests.Checks;

/// <summary>What the command prints, without a process.</summary>
internal static class CheckOutput
{
    public static string Text(CheckReport report, bool isDetailed, int width = 110, IReadOnlyList<GuestFinding>? guests = null)
    {
        using var output = new StringWriter();
        using (var trimmed = new TrimmingWriter(output))
        {
            IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(trimmed) });
            console.Profile.Width = width;
            console.Profile.Capabilities.Unicode = true;
            new CheckText(console).Print(new CheckOutcome(report, guests ?? []), isDetailed);
            trimmed.Flush();
        }

        return output.ToString();
    }

    /// <summary>The lines of one reason out of a detailed account.</summary>
    public static string Reason(string text, string id)
    {
        string[] lines = text.Split('\n');
        int last = Array.FindIndex(lines, line => line.Contains($"[{id},", StringComparison.Ordinal) );
        int first = last;
        while (first > 0 && !IsHead(lines[first]))
        {
            first--;
        }

        int end = first + 1;
        while (end < lines.Length && lines[end].StartsWith("  ", StringComparison.Ordinal) && !IsHead(lines[end]))
        {
            end++;
        }

        return string.Join('\n', lines[first..end].Select(line => line.Length > 2 ? line[2..] : line));
    }

    private static bool IsHead(string line) => line.StartsWith("  blocks: ", StringComparison.Ordinal) || line.StartsWith("  unknown: ", StringComparison.Ordinal)
        || line.StartsWith("  unsafe: ", StringComparison.Ordinal) || line.StartsWith("  note: ", StringComparison.Ordinal);
}
