namespace Doorbell.Cli.Compare;

/// <summary>A captured record and what is thought of the other host's.</summary>
/// <param name="Name">The record's name; the second of that name ends in <c>#2</c>.</param>
/// <param name="Verdict">Whether it agrees.</param>
/// <param name="Differences">Fields that differ; none where it agrees or is missing.</param>
internal sealed record JudgedRecord(string Name, RecordVerdict Verdict, IReadOnlyList<JudgedDifference> Differences)
{
    /// <summary>Why a record is missing; null where it is not, or nobody says why.</summary>
    public string? Reason { get; init; }
}
