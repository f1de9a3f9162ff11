using System.Globalization;
using System.Text;

namespace Doorbell.Tests.Captures;

/// <summary>A suite's comparison judged by the list of known differences.</summary>
internal sealed class SuiteResult
{
    private readonly List<string> _unlisted = [];

    public SuiteResult(string suite, Comparison comparison)
    {
        Suite = suite;
        List<KnownDifference> relevant = [.. KnownDifference.All];
        foreach (RecordComparison record in comparison.Records)
        {
            List<KnownDifference> known = [.. relevant.Where(line => line.Covers(suite, record.Name))];
            foreach (KnownDifference line in known.Where(line => line.Explains(record)))
            {
                Explained[line] = Explained.GetValueOrDefault(line) + 1;
            }

            Stale.AddRange(known.Where(line => !line.Explains(record)).Select(line => $"{record.Name}: agrees, but is listed: {line.Reason}"));
            Judge(record, known);
        }

        _unlisted.AddRange(comparison.Unknown.Select(static name => $"{name}: the capture has no such record"));
    }

    public string Suite { get; }

    public int Agreeing { get; private set; }

    public int Differing { get; private set; }

    public int NotApplicable { get; private set; }

    /// <summary>Lines of the list that explain something here, and how many records.</summary>
    public Dictionary<KnownDifference, int> Explained { get; } = [];

    /// <summary>Listed, but it agrees.</summary>
    public List<string> Stale { get; } = [];

    public IReadOnlyList<string> Unlisted => _unlisted;

    public override string ToString()
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Suite}: {Agreeing} agreeing, {Differing} differing, {NotApplicable} not applicable");
        foreach (string line in _unlisted.Concat(Stale))
        {
            text.Append("  ").AppendLine(line);
        }

        return text.ToString();
    }

    private void Judge(RecordComparison record, List<KnownDifference> known)
    {
        if (record.Differences is not { } differences)
        {
            NotApplicable++;
            if (!known.Exists(static line => line.IsNotApplicable))
            {
                _unlisted.Add($"{record.Name}: the call is not made, and no reason is listed");
            }

            return;
        }

        if (differences.Count == 0)
        {
            Agreeing++;
            return;
        }

        Differing++;
        foreach (FieldDifference difference in differences)
        {
            if (!known.Exists(line => line.Fields.Contains(difference.Field)))
            {
                _unlisted.Add($"{record.Name}: {difference.Field}: {Describe(difference)}");
            }
        }
    }

    private static string Shorten(string text) => text.Length <= 400 ? text : text[..400] + "...";

    // Of two long runs of bytes only where they differ.
    private static string Describe(FieldDifference difference)
    {
        (string captured, string ours) = (difference.Captured.Trim('"'), difference.Ours.Trim('"'));
        if (difference.Field != "bytes" || captured.Length != ours.Length)
        {
            return $"Linux {Shorten(difference.Captured)}, here {Shorten(difference.Ours)}";
        }

        return string.Join(", ", Enumerable.Range(0, captured.Length / 2)
            .Where(at => !captured.AsSpan(2 * at, 2).SequenceEqual(ours.AsSpan(2 * at, 2)))
            .Select(at => $"at 0x{at:x} Linux {captured.AsSpan(2 * at, 2)}, here {ours.AsSpan(2 * at, 2)}"));
    }
}
