using System.Text.RegularExpressions;

namespace Doorbell.Cli.Compare;

/// <summary>A line of a file of differences: what answers differently, and why.</summary>
/// <param name="Suites">Which suites: a regular expression for the whole name.</param>
/// <param name="Records">Which records of them, likewise.</param>
/// <param name="Fields">Which fields of them; <see cref="NotApplicable"/>: the other host has no such record.</param>
/// <param name="Reason">One sentence.</param>
internal sealed record KnownDifference(string Suites, string Records, IReadOnlyList<string> Fields, string Reason)
{
    private const string NotApplicable = "n.a.";

    private readonly Regex _suites = Whole(Suites);
    private readonly Regex _records = Whole(Records);

    /// <summary>Its number in the file, from 1.</summary>
    public int Line { get; init; }

    /// <summary>It is about records that are not there.</summary>
    public bool IsNotApplicable => Fields[0] == NotApplicable;

    /// <summary>The lines of a file; the reason names file and line.</summary>
    /// <param name="file">Its name, for sentences.</param>
    /// <param name="text">Its contents: "suites | records | fields | reason" a line; empty ones and those that begin with # are skipped.</param>
    public static Result<IReadOnlyList<KnownDifference>> Read(string file, string text)
    {
        List<KnownDifference> known = [];
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (line.AsSpan().Trim().IsEmpty || line[0] == '#')
            {
                continue;
            }

            string[] parts = line.Split(" | ");
            if (parts.Length != 4)
            {
                return Result.Fail(Errno.EINVAL, $"{file}:{number}: expected \"suites | records | fields | reason\", not {parts.Length} parts.");
            }

            try
            {
                known.Add(new KnownDifference(parts[0].Trim(), parts[1].Trim(), [.. parts[2].Split(',').Select(static field => field.Trim())], parts[3].Trim()) { Line = number });
            }
            catch (RegexParseException wrong)
            {
                return Result.Fail(Errno.EINVAL, $"{file}:{number}: expected regular expressions for suites and records: {wrong.Message}");
            }
        }

        return known;
    }

    /// <summary>True where the line is about this record.</summary>
    public bool Covers(string suite, string record) => _suites.IsMatch(suite) && _records.IsMatch(record);

    /// <summary>Whether this line explains anything of a record: it has to be all of the line's fields at once.</summary>
    public bool Explains(RecordComparison record) => IsNotApplicable
        ? record.Differences is null
        : record.Differences is { } differences && Fields.All(field => differences.Any(difference => difference.Field == field));

    private static Regex Whole(string pattern) => new($"^(?:{pattern})$", RegexOptions.CultureInvariant);
}
