using System.Text;
using System.Text.RegularExpressions;

namespace Doorbell.Tests.Docs;

/// <summary>docs/trace.md has every kind of event with its fields, as the source has them.</summary>
public partial class TraceDocumentTests
{
    private const string Begin = "<!-- made by TraceDocumentTests: begin -->\n";
    private const string End = "<!-- made by TraceDocumentTests: end -->";

    [Fact]
    public void The_table_of_event_kinds_is_current()
    {
        string root = RuleDocumentTests.Root;
        string document = File.ReadAllText(Path.Combine(root, "docs", "trace.md"));
        int begin = document.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        string table = document[begin..document.IndexOf(End, begin, StringComparison.Ordinal)];
        string made = Table(root);
        string file = Path.Combine(AppContext.BaseDirectory, "trace.md");
        File.WriteAllText(file, made);
        Assert.True(made == table, $"docs/trace.md is not current; the table is in {file}");
    }

    private static string Table(string root)
    {
        var rows = new SortedDictionary<string, string>(StringComparer.Ordinal);
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories)];
        Dictionary<string, string[]> shared = files.Where(static file => File.ReadAllText(file).Contains("abstract record", StringComparison.Ordinal))
            .ToDictionary(static file => Path.GetFileNameWithoutExtension(file), static file => Fields(File.ReadAllText(file)).ToArray());
        foreach (string file in files.Where(static file => !file.Contains("/Doorbell.Cli/", StringComparison.Ordinal)))
        {
            string text = File.ReadAllText(file);
            if (Kind().Match(text) is not { Success: true } kind || Base().Match(text) is not { Success: true } parent)
            {
                continue;
            }

            string fields = string.Join(", ", Fields(text).Concat(shared.GetValueOrDefault(parent.Groups[1].Value, [])));
            string summary = Markup().Replace(Whitespace().Replace(Summary().Match(text).Groups[1].Value.Replace("///", "", StringComparison.Ordinal), " ").Trim(), "$1$2");
            foreach (Match name in Name().Matches(kind.Groups[1].Value))
            {
                rows.Add($"{name.Groups[1].Value} {Path.GetFileName(file)}", $"| `{name.Groups[1].Value}` | {summary} | {fields} |\n");
            }
        }

        Assert.True(rows.Count > 30, $"{rows.Count} kinds were found");
        return new StringBuilder("| kind | what | fields |\n|---|---|---|\n").AppendJoin("", rows.Values).ToString();
    }

    private static IEnumerable<string> Fields(string text) => Field().Matches(text).Select(static field => field.Groups[1].Value).Distinct();

    [GeneratedRegex(@"override string Kind =>(.*?);", RegexOptions.Singleline)]
    private static partial Regex Kind();

    [GeneratedRegex(@"record \w+(?:\([^)]*\))?\s*: (\w+)")]
    private static partial Regex Base();

    [GeneratedRegex(@"""([a-z0-9]+(?:\.[a-z-]+)?)""")]
    private static partial Regex Name();

    [GeneratedRegex(@"fields\.\w+\(""(\w+)""")]
    private static partial Regex Field();

    [GeneratedRegex("<summary>(.*?)</summary>", RegexOptions.Singleline)]
    private static partial Regex Summary();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();

    [GeneratedRegex(@"<see cref=""(?:\w+\.)*(\w+)""\s*/>|</?c>|<paramref name=""(\w+)""\s*/>")]
    private static partial Regex Markup();
}
