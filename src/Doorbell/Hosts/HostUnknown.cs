namespace Doorbell.Hosts;

/// <summary>Something the source does not say.</summary>
/// <param name="What">What is not known: a clause a person understands.</param>
/// <param name="Evidence">The file that would say it.</param>
/// <param name="Remedy">What would tell: <c>run as root</c>, <c>mount -t debugfs …</c>.</param>
public sealed record HostUnknown(string What, Evidence Evidence, string Remedy);
