namespace Doorbell.Cli.Explain;

/// <summary>What came of a walk.</summary>
/// <param name="Summary">One sentence.</param>
/// <param name="Failures">What did not go as it must; empty when all went well.</param>
internal sealed record Verdict(string Summary, IReadOnlyList<string> Failures)
{
    public bool IsGood => Failures.Count == 0;
}
