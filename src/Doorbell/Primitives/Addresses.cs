namespace Doorbell;

/// <summary>An I/O virtual address: what a device puts on the bus before its IOMMU translates it. Bytes.</summary>
public readonly record struct Iova(ulong Value) : IComparable<Iova>
{
    /// <inheritdoc/>
    public int CompareTo(Iova other) => Value.CompareTo(other.Value);

    /// <summary>The address <paramref name="offset"/> bytes further on (wraps modulo 2^64).</summary>
    public static Iova operator +(Iova address, ulong offset) => new(unchecked(address.Value + offset));

    /// <inheritdoc/>
    public static bool operator <(Iova left, Iova right) => left.Value < right.Value;

    /// <inheritdoc/>
    public static bool operator >(Iova left, Iova right) => left.Value > right.Value;

    /// <inheritdoc/>
    public static bool operator <=(Iova left, Iova right) => left.Value <= right.Value;

    /// <inheritdoc/>
    public static bool operator >=(Iova left, Iova right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}

/// <summary>A physical address of the machine: after translation, before bus decode. Bytes.</summary>
/// <remarks>
/// The low 48 bits with a zero top half-word are the described machine's own map (frames, RAM). Client memory that is
/// mapped for DMA appears at <c>space &lt;&lt; 48 | vaddr</c>, space 1 and up: see PhysicalBus.
/// </remarks>
public readonly record struct PhysicalAddress(ulong Value) : IComparable<PhysicalAddress>
{
    /// <inheritdoc/>
    public int CompareTo(PhysicalAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address <paramref name="offset"/> bytes further on (wraps modulo 2^64).</summary>
    public static PhysicalAddress operator +(PhysicalAddress address, ulong offset) => new(unchecked(address.Value + offset));

    /// <inheritdoc/>
    public static bool operator <(PhysicalAddress left, PhysicalAddress right) => left.Value < right.Value;

    /// <inheritdoc/>
    public static bool operator >(PhysicalAddress left, PhysicalAddress right) => left.Value > right.Value;

    /// <inheritdoc/>
    public static bool operator <=(PhysicalAddress left, PhysicalAddress right) => left.Value <= right.Value;

    /// <inheritdoc/>
    public static bool operator >=(PhysicalAddress left, PhysicalAddress right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
