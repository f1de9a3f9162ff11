namespace Doorbell.Checks.Guests;

/// <summary>Something a user can say of a guest beside its amount of RAM.</summary>
/// <param name="Name">As it is written in a LAYOUT: <c>max-ram-below-4g</c>.</param>
/// <param name="Written">How the monitor wants it written, with <c>{}</c> for the value: <c>-machine q35,max-ram-below-4g={}</c>.</param>
public sealed record GuestOption(string Name, string Written)
{
    /// <summary>True: on (1) or off (0). False: a number of bytes.</summary>
    public bool IsSwitch { get; init; }

    /// <summary>Its value where nothing is said.</summary>
    public required ulong Default { get; init; }

    /// <summary>Its value where nothing is said and the host keeps AMD's HyperTransport range free; null: the same.</summary>
    public ulong? AmdDefault { get; init; }

    /// <summary>Smallest value.</summary>
    public ulong Min { get; init; }

    /// <summary>Largest value.</summary>
    public ulong Max { get; init; } = 1;

    /// <summary>A value is a multiple of this.</summary>
    public ulong Step { get; init; } = 1;
}
