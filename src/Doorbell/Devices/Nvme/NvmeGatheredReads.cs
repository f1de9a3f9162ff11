namespace Doorbell.Devices;

/// <summary>Small reads whose data is here already and goes to the host together. One object is used again for every batch.</summary>
internal sealed class NvmeGatheredReads
{
    /// <summary>Commands at most.</summary>
    public const int Most = 32;

    private const int DataSize = Most * 4096;
    private const int MostRanges = 2 * Most;

    private readonly byte[] _data = new byte[DataSize];
    private readonly DmaRange[] _ranges = new DmaRange[MostRanges];
    private readonly Entry[] _entries = new Entry[Most];
    private int _bytes;
    private int _rangeCount;

    /// <summary>Commands gathered.</summary>
    public int Count { get; private set; }

    /// <summary>Their data, one after the other.</summary>
    public ReadOnlySpan<byte> Data => _data.AsSpan(0, _bytes);

    /// <summary>Where it goes, one after the other.</summary>
    public ReadOnlySpan<DmaRange> Ranges => _ranges.AsSpan(0, _rangeCount);

    public ref readonly Entry this[int index] => ref _entries[index];

    /// <summary>Room for the data of another; empty where there is none.</summary>
    public Span<byte> RoomFor(int length) => Count < Most && length <= DataSize - _bytes ? _data.AsSpan(_bytes, length) : default;

    /// <summary>Adds a command whose data has been put into the room.</summary>
    /// <returns>False where there are too many pieces already.</returns>
    public bool TryAdd(NvmeCommand command, int length, ReadOnlySpan<DmaRange> ranges)
    {
        if (ranges.Length > MostRanges - _rangeCount)
        {
            return false;
        }

        _entries[Count++] = new Entry(command.CommandId, command.NamespaceId, command.StartingLba, _bytes, length, _rangeCount, ranges.Length);
        ranges.CopyTo(_ranges.AsSpan(_rangeCount));
        _rangeCount += ranges.Length;
        _bytes += length;
        return true;
    }

    public void Clear() => Count = _bytes = _rangeCount = 0;

    /// <summary>One command and its part of the data and the pieces.</summary>
    internal readonly record struct Entry(ushort CommandId, uint NamespaceId, ulong StartingLba, int Offset, int Length, int FirstRange, int Ranges);
}
