using System.Reflection;
using System.Text.RegularExpressions;

namespace Doorbell.Tests.Docs;

/// <summary>docs/rules.md and docs/series.md name code and tests that are there.</summary>
public partial class RuleDocumentTests
{
    private static readonly string s_root = FindRoot();

    internal static string Root => s_root;

    [Theory]
    [InlineData("rules.md")]
    [InlineData("series.md")]
    public void What_a_document_names_is_there(string document)
    {
        HashSet<string> types = [.. Directory.EnumerateFiles(Path.Combine(s_root, "src"), "*.cs", SearchOption.AllDirectories).Select(file => Path.GetFileName(file).Split('.')[0])];
        string mutants = string.Concat(Directory.EnumerateFiles(Path.Combine(s_root, "tests", "Doorbell.Mutants.Tests"), "KnownMistakes.*.cs").Select(File.ReadAllText));
        List<string> missing = [];
        foreach (string name in RowsOf(document).SelectMany(row => row[^2..]).SelectMany(Names))
        {
            bool isThere = name.Contains('.', StringComparison.Ordinal) ? IsTest(name)
                : char.IsUpper(name[0]) ? types.Contains(name)
                : mutants.Contains($"\"{name}\"", StringComparison.Ordinal);
            if (!isThere)
            {
                missing.Add(name);
            }
        }

        Assert.Empty(missing);
    }

    [Fact]
    public void Every_rule_names_its_code_and_a_test()
    {
        Dictionary<string, string[]> rows = RowsOf("rules.md").Where(row => row.Length == 4).ToDictionary(row => row[0]);
        IEnumerable<string> rules = Enumerable.Range(1, 10).Select(i => $"I{i}")
            .Concat(Enumerable.Range(1, 11).Select(i => $"M{i}"))
            .Concat(Enumerable.Range(1, 7).Select(i => $"V{i}"))
            .Concat(Enumerable.Range(1, 5).Select(i => $"N{i}"));
        Assert.Equal(rules.Order(StringComparer.Ordinal), rows.Keys.Order(StringComparer.Ordinal));
        Assert.All(rows.Values, row => Assert.NotEmpty(Names(row[2])));
        Assert.All(rows.Values, row => Assert.Contains(Names(row[3]), IsTest));
    }

    private static bool IsTest(string name)
    {
        string[] parts = name.Split('.');
        return parts.Length == 2 && Array.Exists(
            Assembly.GetExecutingAssembly().GetTypes(),
            type => type.Name == parts[0] && type.GetMethod(parts[1])?.GetCustomAttribute<FactAttribute>() is not null);
    }

    private static IEnumerable<string[]> RowsOf(string document) =>
        from line in File.ReadAllLines(Path.Combine(s_root, "docs", document))
        where line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| rule ", StringComparison.Ordinal)
        select line.Trim('|', ' ').Split(" | ");

    private static IEnumerable<string> Names(string cell) => Quoted().Matches(cell).Select(match => match.Groups[1].Value);

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Doorbell.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("the tests are not run inside of the repository");
    }

    [GeneratedRegex("`([A-Za-z0-9_.-]+)`")]
    private static partial Regex Quoted();
}
