using System.Text.RegularExpressions;

namespace Doorbell.Tests.Captures;

/// <summary>A line of differences.txt: what answers differently, and why.</summary>
/// <param name="Suites">Which suites: a regular expression for the whole name.</param>
/// <param name="Records">Which records of them, likewise.</param>
/// <param name="Fields">Which fields of them; <see cref="NotApplicable"/>: the call is not made here.</param>
/// <param name="Reason">One sentence.</param>
internal sealed record KnownDifference(string Suites, string Records, IReadOnlyList<string> Fields, string Reason)
{
    public const string NotApplicable = "n.a.";

    private readonly Regex _suites = Whole(Suites);
    private readonly Regex _records = Whole(Records);

    public bool IsNotApplicable => Fields[0] == NotApplicable;

    public static IReadOnlyList<KnownDifference> All { get; } = Load();

    public bool Covers(string suite, string record) => _suites.IsMatch(suite) && _records.IsMatch(record);

    /// <summary>What of a record this line explains: it has to be all of the line's fields at once.</summary>
    public bool Explains(RecordComparison record) => IsNotApplicable
        ? record.Differences is null
        : record.Differences is { } differences && Fields.All(field => differences.Any(difference => difference.Field == field));

    private static List<KnownDifference> Load()
    {
        List<KnownDifference> known = [];
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Captures", "differences.txt")))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            string[] parts = line.Split(" | ");
            Assert.True(parts.Length == 4, $"not four parts: {line}");
            known.Add(new KnownDifference(parts[0].Trim(), parts[1].Trim(), [.. parts[2].Split(',').Select(static field => field.Trim())], parts[3].Trim()));
        }

        return known;
    }

    private static Regex Whole(string pattern) => new($"^(?:{pattern})$", RegexOptions.CultureInvariant);
}
