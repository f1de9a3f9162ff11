namespace Doorbell.Tests.Captures;

/// <summary>One captured record and what the replay made of it.</summary>
/// <param name="Name">The record's name; the second of that name ends in <c>#2</c>.</param>
/// <param name="Differences">Fields that differ; none: it agrees; null: the replay does not make this call.</param>
internal sealed record RecordComparison(string Name, IReadOnlyList<FieldDifference>? Differences);

/// <summary>A field that differs.</summary>
/// <param name="Field">Its name.</param>
/// <param name="Captured">Linux's answer.</param>
/// <param name="Ours">Doorbell's.</param>
internal readonly record struct FieldDifference(string Field, string Captured, string Ours);
