namespace Doorbell.Cli.Explain;

/// <summary>What came of a walk.</summary>
/// <param name="Summary">One sentence.</param>
/// <param name="IsGood">Every MSI arrived where it was armed and nothing was left, or the device was rightly refused.</param>
/// <param name="Failures">What did not go as it must, besides what the summary says.</param>
internal sealed record Verdict(string Summary, bool IsGood, IReadOnlyList<string> Failures);
