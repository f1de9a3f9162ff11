using System.Collections;

namespace Doorbell.Hosts.Acpi;

/// <summary>Functions that a table names by ranges of requester IDs: the list of all of them, without having it.</summary>
internal sealed class FunctionRanges : IReadOnlyList<PciAddress>, ICollection<PciAddress>
{
    private readonly List<(ushort Segment, ushort First, ushort Last)> _ranges = [];

    /// <param name="ranges">In any order; those that overlap count once.</param>
    public FunctionRanges(IEnumerable<(ushort Segment, ushort First, ushort Last)> ranges)
    {
        long count = 0;
        foreach ((ushort segment, ushort first, ushort last) in ranges.Order())
        {
            if (_ranges.Count > 0 && _ranges[^1] is var before && before.Segment == segment && first <= before.Last + 1)
            {
                count += Math.Max(last - before.Last, 0);
                _ranges[^1] = before with { Last = Math.Max(before.Last, last) };
                continue;
            }

            count += last - first + 1;
            _ranges.Add((segment, first, last));
        }

        // Only all functions of half of all segments would be more.
        Count = (int)Math.Min(count, int.MaxValue);
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public bool IsReadOnly => true;

    /// <inheritdoc/>
    public PciAddress this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            foreach ((ushort segment, ushort first, ushort last) in _ranges)
            {
                if (index <= last - first)
                {
                    return Address(segment, first + index);
                }

                index -= last - first + 1;
            }

            throw new ArgumentOutOfRangeException(nameof(index));
        }
    }

    /// <inheritdoc/>
    public bool Contains(PciAddress item) =>
        _ranges.Exists(range => range.Segment == item.Segment && item.RequesterId.Value >= range.First && item.RequesterId.Value <= range.Last);

    /// <inheritdoc/>
    public IEnumerator<PciAddress> GetEnumerator()
    {
        foreach ((ushort segment, ushort first, ushort last) in _ranges)
        {
            for (int id = first; id <= last; id++)
            {
                yield return Address(segment, id);
            }
        }
    }

    /// <inheritdoc/>
    public void CopyTo(PciAddress[] array, int arrayIndex)
    {
        foreach (PciAddress address in this)
        {
            array[arrayIndex++] = address;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    void ICollection<PciAddress>.Add(PciAddress item) => throw new NotSupportedException();

    void ICollection<PciAddress>.Clear() => throw new NotSupportedException();

    bool ICollection<PciAddress>.Remove(PciAddress item) => throw new NotSupportedException();

    /// <summary>The function of a segment with that requester ID.</summary>
    internal static PciAddress Address(ushort segment, int id) => new(segment, (byte)(id >> 8), (byte)((id >> 3) & 0x1f), (byte)(id & 7));
}
