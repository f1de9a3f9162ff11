using System.Text;

namespace Doorbell.Hosts;

/// <summary>The chips of <c>/proc/interrupts</c>: after the counts, one a CPU, stands what an interrupt goes through.</summary>
internal static class InterruptChips
{
    /// <summary>Each chip once, in the order they come.</summary>
    public static IReadOnlyList<string> Read(IEnumerable<string> lines) => [.. lines.Select(ChipOf).Where(static chip => chip.Length > 0).Distinct()];

    /// <summary>Numbers and chips alone: how often interrupts came, and what devices are called, is nobody's business.</summary>
    public static string Mask(string text)
    {
        var kept = new StringBuilder();
        foreach (string line in text.Split('\n'))
        {
            if (ChipOf(line) is { Length: > 0 } chip)
            {
                kept.Append(line.AsSpan(0, line.IndexOf(':', StringComparison.Ordinal) + 1)).Append(' ').Append(chip).Append('\n');
            }
        }

        return kept.ToString();
    }

    // "  21:        0        0  ITS-PCI-MSIX-0000:00:05.0    0 Edge      aerdrv"; lines with names for numbers are counters of the kernel's own.
    private static string ChipOf(string line)
    {
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || !line.AsSpan(0, colon).Trim().ToString().All(char.IsAsciiDigit))
        {
            return "";
        }

        return line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(static word => !word.All(char.IsAsciiDigit)) ?? "";
    }
}
