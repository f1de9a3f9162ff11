namespace Doorbell.Checks.Guests;

/// <summary>Something of a guest at a place of its own.</summary>
/// <param name="Name">What a person calls it.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Range">Where; of something that comes after RAM only the size counts until a guest is placed.</param>
public sealed record GuestRegion(string Name, GuestRegionKind Kind, GuestRange Range);
