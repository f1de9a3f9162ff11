using Doorbell.Checks;

namespace Doorbell.Cli.Check;

/// <summary>What is printed, in whichever format.</summary>
/// <param name="Report">The verdicts.</param>
/// <param name="Guests">What <c>--guest</c> found; empty where it was not asked.</param>
internal sealed record CheckOutcome(CheckReport Report, IReadOnlyList<GuestFinding> Guests)
{
    /// <summary>The verdict on everything: a guest that cannot start is not assignable to, whatever the devices say.</summary>
    public CheckVerdict Verdict => Guests.Any(static guest => !guest.Fits) ? CheckVerdict.NotAssignable : Report.Verdict;

    /// <summary>The command's exit status.</summary>
    public int Status => Verdict switch
    {
        CheckVerdict.Assignable => ExitCode.Success,
        CheckVerdict.NotAssignable => ExitCode.Failure,
        _ => ExitCode.NotKnown,
    };
}
