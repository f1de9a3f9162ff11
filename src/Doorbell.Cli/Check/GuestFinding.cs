namespace Doorbell.Cli.Check;

/// <summary>A guest's layout beside what the host keeps from the devices it would get.</summary>
/// <param name="Guest">The layout, as it would be on this host.</param>
/// <param name="Devices">The devices of which this is true.</param>
/// <param name="Fits">True where the guest can start with any of them.</param>
/// <param name="Clashes">What meets what, fatal ones first.</param>
/// <param name="Change">The smallest change that leaves nothing fatal; null where none is needed, or none is enough.</param>
internal sealed record GuestFinding(string Guest, IReadOnlyList<PciAddress> Devices, bool Fits, IReadOnlyList<GuestClash> Clashes, string? Change);
