using System.Globalization;

namespace Doorbell.Cli.Compare;

/// <summary>A comparison for people: every record that does not agree with its fields, what was not compared, and the totals at the end.</summary>
internal static class CompareText
{
    public static void Print(TextWriter output, SuiteResult result)
    {
        foreach (JudgedRecord record in result.Disagreeing)
        {
            output.WriteLine(record.Verdict switch
            {
                RecordVerdict.NotApplicable => $"not applicable  {record.Name}: {record.Reason}",
                RecordVerdict.Unexplained when record.Differences.Count == 0 => $"unexplained     {record.Name}: there is no such record",
                RecordVerdict.Unexplained => $"unexplained     {record.Name}",
                _ => $"differs         {record.Name}",
            });
            foreach ((FieldDifference difference, string? reason) in record.Differences)
            {
                output.WriteLine($"                  {difference.Field}: {difference}{(reason is null ? "" : $" ({reason})")}");
            }
        }

        foreach (string unknown in result.Unexplained.Where(static text => text.EndsWith(": the capture has no such record", StringComparison.Ordinal)))
        {
            output.WriteLine($"unexplained     {unknown}");
        }

        foreach (string stale in result.Stale)
        {
            output.WriteLine($"listed in vain  {stale}");
        }

        if (result.Unseen.Count != 0)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"not compared, since only a look from outside shows it: {string.Join(", ", result.Unseen.Select(static pair => $"{pair.Key} in {pair.Value} records"))}"));
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Suite}: {result.Total} records: {result.Agreeing} agree, {result.Differing} differ, {result.NotApplicable} not applicable; {result.Unexplained.Count} unexplained"));
    }
}
