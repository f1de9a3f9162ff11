namespace Doorbell.Cli.Compare;

/// <summary>A suite's comparison judged by a list of known differences.</summary>
internal sealed class SuiteResult
{
    private readonly List<JudgedRecord> _records = [];
    private readonly List<string> _unexplained = [];
    private readonly List<string> _stale = [];
    private readonly Dictionary<KnownDifference, int> _explained = [];
    private readonly SortedDictionary<string, int> _unseen = new(StringComparer.Ordinal);

    public SuiteResult(string suite, Comparison comparison, IReadOnlyList<KnownDifference> differences)
    {
        Suite = suite;
        foreach (RecordComparison record in comparison.Records)
        {
            List<KnownDifference> known = [.. differences.Where(line => line.Covers(suite, record.Name))];
            foreach (KnownDifference line in known)
            {
                if (line.Explains(record))
                {
                    _explained[line] = _explained.GetValueOrDefault(line) + 1;
                }
                else
                {
                    _stale.Add($"{record.Name}: agrees, but is listed: {line.Reason}");
                }
            }

            foreach (string field in record.Unseen)
            {
                _unseen[field] = _unseen.GetValueOrDefault(field) + 1;
            }

            Judge(record, known);
        }

        _unexplained.AddRange(comparison.Unknown.Select(static name => $"{name}: the capture has no such record"));
    }

    /// <summary>As in <c>virt-gicv3-its-smmuv3/type1</c>.</summary>
    public string Suite { get; }

    public int Total => _records.Count;

    public int Agreeing => _records.Count(static record => record.Verdict == RecordVerdict.Agrees);

    /// <summary>Those that differ, with a reason or without.</summary>
    public int Differing => _records.Count(static record => record.Verdict is RecordVerdict.Differs or RecordVerdict.Unexplained && record.Differences.Count != 0);

    /// <summary>Those the other host has no answer to.</summary>
    public int NotApplicable => Total - Agreeing - Differing;

    /// <summary>Records that do not agree, in the capture's order.</summary>
    public IEnumerable<JudgedRecord> Disagreeing => _records.Where(static record => record.Verdict != RecordVerdict.Agrees);

    /// <summary>Lines of the list that explain something here, and how many records.</summary>
    public IReadOnlyDictionary<KnownDifference, int> Explained => _explained;

    /// <summary>What differs, or is missing, and has no line.</summary>
    public IReadOnlyList<string> Unexplained => _unexplained;

    /// <summary>Listed, but it agrees.</summary>
    public IReadOnlyList<string> Stale => _stale;

    /// <summary>Fields that only a look from outside shows, and in how many records they were passed over.</summary>
    public IReadOnlyDictionary<string, int> Unseen => _unseen;

    public override string ToString() =>
        string.Join('\n', [$"{Suite}: {Agreeing} agreeing, {Differing} differing, {NotApplicable} not applicable", .. _unexplained.Concat(_stale).Select(static line => $"  {line}")]);

    private void Judge(RecordComparison record, List<KnownDifference> known)
    {
        if (record.Differences is not { } differences)
        {
            KnownDifference? reason = known.Find(static line => line.IsNotApplicable);
            if (reason is null)
            {
                _unexplained.Add($"{record.Name}: there is no such record, and no reason is listed");
            }

            _records.Add(new JudgedRecord(record.Name, reason is null ? RecordVerdict.Unexplained : RecordVerdict.NotApplicable, []) { Reason = reason?.Reason });
            return;
        }

        List<JudgedDifference> judged = [.. differences.Select(difference =>
            new JudgedDifference(difference, known.Find(line => line.Fields.Contains(difference.Field))?.Reason))];
        _unexplained.AddRange(judged.Where(static difference => difference.Reason is null).Select(difference => $"{record.Name}: {difference.Difference.Field}: {difference.Difference}"));
        RecordVerdict verdict = judged.Count == 0 ? RecordVerdict.Agrees : judged.TrueForAll(static difference => difference.Reason is not null) ? RecordVerdict.Differs : RecordVerdict.Unexplained;
        _records.Add(new JudgedRecord(record.Name, verdict, judged));
    }
}
