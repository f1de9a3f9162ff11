namespace Doorbell.Checks.Guests;

/// <summary>A place for RAM, which is filled before the next one is begun.</summary>
/// <param name="Base">First address.</param>
/// <param name="End">Address after its last byte; null: it has no end.</param>
/// <param name="Split">What moves its end down where there is much RAM.</param>
/// <param name="Limit">What its end can be lowered to, and never raised.</param>
/// <param name="Relocation">What moves it as a whole.</param>
public sealed record GuestBank(ulong Base, GuestValue? End, GuestSplit? Split = null, GuestValue? Limit = null, GuestRelocation? Relocation = null);
