namespace Doorbell.Checks.Guests;

/// <summary>A range of guest-physical addresses, which as VFIO maps them are IOVAs.</summary>
/// <param name="First">First byte.</param>
/// <param name="Last">Last byte, inclusive.</param>
public readonly record struct GuestRange(ulong First, ulong Last)
{
    /// <summary>Bytes; 0 stands for all 2^64 of them.</summary>
    public ulong Size => unchecked(Last - First + 1);

    /// <summary>True where the two share a byte.</summary>
    public bool Overlaps(GuestRange other) => First <= other.Last && other.First <= Last;

    /// <summary>The bytes both have; only where they overlap.</summary>
    public GuestRange Intersect(GuestRange other) => new(Math.Max(First, other.First), Math.Min(Last, other.Last));

    /// <inheritdoc/>
    public override string ToString() => $"0x{First:x}-0x{Last:x}";
}
