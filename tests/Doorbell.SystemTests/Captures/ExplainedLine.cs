namespace Doorbell.SystemTests.Captures;

/// <summary>A line of differences.txt and how many records of a run it explains.</summary>
/// <param name="Number">Its number in the file, from 1.</param>
/// <param name="Records">How many.</param>
internal readonly record struct ExplainedLine(int Number, int Records);
