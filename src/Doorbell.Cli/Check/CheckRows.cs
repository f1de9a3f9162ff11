using Doorbell.Checks;

namespace Doorbell.Cli.Check;

/// <summary>Makes the table's lines: one a function, and on a host with very many one a range of them.</summary>
internal static class CheckRows
{
    /// <summary>Up to so many functions have a line each.</summary>
    public const int MostSingle = 48;

    private const int MostRanges = 4;

    public static IReadOnlyList<CheckRow> Of(CheckReport report, bool isAll) => isAll || report.Functions.Count <= MostSingle
        ? [.. report.Functions.Select(static check => new CheckRow(check.Function.Address.ToString(), CheckWords.Name(check.Function), GroupOf(check), check, Because(check)))]
        : [.. report.Functions.GroupBy(static check => (check.Verdict, check.IsUnsafe, check.Decisive?.Kind.Id)).SelectMany(alike => Collapse([.. alike], report))];

    /// <summary>The reason that decides, or what is good to know.</summary>
    public static string Because(FunctionCheck check) => (check.Decisive ?? (check.Reasons is [CheckReason first, ..] ? first : null)) is { } reason ? $"{reason.Brief} ({reason.Kind.Rule})" : "";

    private static IEnumerable<CheckRow> Collapse(List<FunctionCheck> alike, CheckReport report)
    {
        Dictionary<PciAddress, int> places = [];
        for (int i = 0; i < report.Functions.Count; i++)
        {
            places.TryAdd(report.Functions[i].Function.Address, i);
        }

        List<List<FunctionCheck>> runs = [];
        foreach (FunctionCheck check in alike)
        {
            if (runs.Count > 0 && places[runs[^1][^1].Function.Address] == places[check.Function.Address] - 1)
            {
                runs[^1].Add(check);
            }
            else
            {
                runs.Add([check]);
            }
        }

        List<List<FunctionCheck>> shown = [.. runs.OrderByDescending(static run => run.Count).Take(MostRanges).OrderBy(static run => run[0].Function.Address)];
        foreach (List<FunctionCheck> run in shown)
        {
            yield return Row(run, run.Count == 1 ? run[0].Function.Address.ToString() : $"{run[0].Function.Address} to {run[^1].Function.Address}");
        }

        if (runs.Count > shown.Count)
        {
            List<FunctionCheck> rest = [.. runs.Except(shown).SelectMany(static run => run)];
            yield return Row(rest, $"{rest.Count} more from {rest[0].Function.Address} on");
        }
    }

    private static CheckRow Row(List<FunctionCheck> run, string device)
    {
        FunctionCheck first = run[0];
        string name = CheckWords.Name(first.Function);
        string what = run.Count == 1 ? name
            : run.TrueForAll(check => CheckWords.Name(check.Function) == name) ? $"{run.Count} x {name}"
            : PciClassNames.Find(first.Function.ClassCode) is { } kind && run.TrueForAll(check => check.Function.ClassCode >> 8 == first.Function.ClassCode >> 8) ? $"{run.Count} x {kind}"
            : $"{run.Count} functions";
        int[] groups = [.. run.Where(static check => check.Group is not null).Select(static check => check.Group!.Number).Distinct().Order()];
        string group = groups switch
        {
            [] => "none",
            [int only] => $"{only}",
            _ => $"{groups[0]}-{groups[^1]}",
        };
        string because = Because(first);
        return new CheckRow(device, what, group, first, run.TrueForAll(check => Because(check) == because) ? because : $"{(first.Decisive ?? first.Reasons[0]).Kind.Title} ({(first.Decisive ?? first.Reasons[0]).Kind.Rule})");
    }

    private static string GroupOf(FunctionCheck check) => check.Group is { } group ? $"{group.Number}" : check.Function.Group is { } number ? $"{number}" : "none";
}
