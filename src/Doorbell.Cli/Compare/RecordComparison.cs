namespace Doorbell.Cli.Compare;

/// <summary>One captured record and what the other host made of it.</summary>
/// <param name="Name">The record's name; the second of that name ends in <c>#2</c>.</param>
/// <param name="Differences">Fields that differ; none: it agrees; null: the other host has no such record.</param>
internal sealed record RecordComparison(string Name, IReadOnlyList<FieldDifference>? Differences)
{
    /// <summary>Fields of the capture that were not compared, because only who looks at the host from outside has them.</summary>
    public IReadOnlyList<string> Unseen { get; init; } = [];
}
