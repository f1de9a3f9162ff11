namespace Doorbell.Machines;

/// <summary>A range of the machine's physical map.</summary>
/// <param name="Base">First byte.</param>
/// <param name="Size">Bytes, at least one.</param>
public readonly record struct MemoryRange(PhysicalAddress Base, ulong Size)
{
    /// <summary>Last byte, inclusive.</summary>
    public PhysicalAddress Last => Base + (Size - 1);

    /// <summary>True where the address lies in the range.</summary>
    public bool Contains(PhysicalAddress address) => address.Value - Base.Value < Size;

    /// <summary>True where the two share a byte.</summary>
    public bool Overlaps(MemoryRange other) => Base.Value <= other.Last.Value && other.Base.Value <= Last.Value;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Base.Value:x}-0x{Last.Value:x}";
}
