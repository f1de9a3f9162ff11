using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>What <c>doorbell check</c> found.</summary>
public sealed record CheckReport
{
    /// <summary>The host.</summary>
    public required HostSummary Host { get; init; }

    /// <summary>The functions asked for, in the order of their addresses.</summary>
    public required IReadOnlyList<FunctionCheck> Functions { get; init; }

    /// <summary>Where the source lists no functions: what any function would meet, bus by bus.</summary>
    public IReadOnlyList<PciRangeCheck> Ranges { get; init; } = [];

    /// <summary>What could not be read, and what would tell.</summary>
    public IReadOnlyList<HostUnknown> Unknown { get; init; } = [];

    /// <summary>What is wrong with the firmware or was left out, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>How many functions have a verdict.</summary>
    public int Count(CheckVerdict verdict) => Functions.Count(function => function.Verdict == verdict);

    /// <summary>One answer for all that was asked: not assignable where one is not, else unknown where one is or nothing was there to ask.</summary>
    public CheckVerdict Verdict =>
        Count(CheckVerdict.NotAssignable) > 0 ? CheckVerdict.NotAssignable
        : Functions.Count == 0 || Count(CheckVerdict.Unknown) > 0 ? CheckVerdict.Unknown
        : CheckVerdict.Assignable;
}
