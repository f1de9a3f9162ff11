namespace Doorbell.Checks.Guests;

/// <summary>A bank ends earlier in a guest with much RAM.</summary>
/// <param name="From">From this much RAM on (bytes, inclusive).</param>
/// <param name="End">Address after the bank's last byte, where that is lower than its own.</param>
public sealed record GuestSplit(GuestValue From, ulong End);
