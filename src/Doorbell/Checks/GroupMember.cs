namespace Doorbell.Checks;

/// <summary>Who else is in a function's group.</summary>
/// <param name="Address">The function.</param>
/// <param name="IsBridge">A bridge: its driver does not keep the group from being handed over (V4).</param>
/// <param name="Driver">Its driver; null where none or not known.</param>
/// <param name="Why">Why the two cannot be kept apart, a clause; what would tell where that cannot be seen.</param>
public sealed record GroupMember(PciAddress Address, bool IsBridge, string? Driver, string Why);
