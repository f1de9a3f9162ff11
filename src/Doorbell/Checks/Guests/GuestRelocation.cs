namespace Doorbell.Checks.Guests;

/// <summary>A bank lies somewhere else where it would come too close to an address.</summary>
/// <param name="Option">The option that allows it (on).</param>
/// <param name="Above">The first address that must not be used.</param>
/// <param name="Align">The bank's end counts rounded up to a multiple of this many bytes.</param>
/// <param name="Beyond">Bytes after that end that are used too.</param>
/// <param name="To">Where it lies then.</param>
public sealed record GuestRelocation(string Option, ulong Above, ulong Align, ulong Beyond, ulong To);
