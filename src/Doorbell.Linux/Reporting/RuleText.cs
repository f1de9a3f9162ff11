using System.Text;

namespace Doorbell.Linux.Reporting;

/// <summary>The sentences of docs/rules.md, which is in the program.</summary>
internal static class RuleText
{
    private static readonly Lazy<Dictionary<string, string>> s_rules = new(Read);

    /// <summary>What a rule says in a line; null for what is no rule of the system's.</summary>
    internal static string? Of(string? rule) => rule is null ? null : s_rules.Value.GetValueOrDefault(rule);

    private static Dictionary<string, string> Read()
    {
        Dictionary<string, string> rules = new(StringComparer.Ordinal);
        using Stream stream = typeof(RuleText).Assembly.GetManifestResourceStream("rules.md") ?? throw new InvalidOperationException("docs/rules.md is not in the program");
        using StreamReader reader = new(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            // | V3 | a group is handed over only where … | code | tests |
            string[] cells = line.Split(" | ");
            if (line.StartsWith("| ", StringComparison.Ordinal) && cells.Length >= 2)
            {
                rules[cells[0].Trim('|', ' ')] = cells[1].Trim('|', ' ');
            }
        }

        return rules;
    }
}
