using Doorbell.Hosts;

namespace Doorbell.Cli.Check;

/// <summary>A part of a guest's memory that meets what the host keeps.</summary>
/// <param name="Rule">The rule: <c>N5</c>.</param>
/// <param name="IsFatal">True where the guest does not start.</param>
/// <param name="Sentence">What meets what, and what fails.</param>
/// <param name="Evidence">Where the host's range was read; null where the architecture says so.</param>
internal sealed record GuestClash(string Rule, bool IsFatal, string Sentence, Evidence? Evidence);
