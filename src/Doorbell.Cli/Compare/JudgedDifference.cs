namespace Doorbell.Cli.Compare;

/// <summary>A field that differs, and why.</summary>
/// <param name="Difference">The field.</param>
/// <param name="Reason">The list's sentence; null: none.</param>
internal readonly record struct JudgedDifference(FieldDifference Difference, string? Reason);
