using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>A reason of a verdict.</summary>
/// <param name="Kind">What kind it is, with its id, rule and severity.</param>
/// <param name="Brief">For one line beside the device: a clause without the device's name.</param>
/// <param name="Sentence">In full: device, group, address, and what the kernel does.</param>
/// <param name="Evidence">Where it was read.</param>
/// <param name="Remedy">What to do, or what would tell; empty where nothing is to be done.</param>
/// <param name="Commands">The same as lines for a shell, where there are some.</param>
public sealed record CheckReason(ReasonKind Kind, string Brief, string Sentence, IReadOnlyList<Evidence> Evidence, string Remedy, IReadOnlyList<string> Commands);
