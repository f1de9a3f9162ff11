namespace Doorbell.Checks.Guests;

/// <summary>A number of a layout, or the option that says it.</summary>
/// <param name="Number">The number, where <paramref name="Option"/> is null.</param>
/// <param name="Option">An option of the layout.</param>
public readonly record struct GuestValue(ulong Number, string? Option = null);
