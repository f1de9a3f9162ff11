using System.Numerics;

namespace Doorbell.Iommu;

/// <summary>
/// Hands out runs of granules of one IOVA range: from its start, as a window for doorbells wants it, or from its end, as the DMA API
/// does. Bookkeeping is a bit a granule, grown as far as it was ever used, under a tree of run lengths: allocating and freeing a
/// granule take logarithmic time however full the range is; runs that must be aligned, or are longer than the tree counts, look at every free run
/// that could be one. Not thread-safe.
/// </summary>
public sealed class IovaAllocator
{
    // 4 TiB of 4 KiB granules; what lies beyond is never reached and only the arithmetic would get wider.
    private const ulong MaxGranules = 1UL << 30;
    private const int WordBits = 64;

    private readonly ulong _base;
    private readonly int _order;
    private readonly int _granules;
    private readonly bool _fromEnd;

    // Granules in the order they are handed out: from the range's end the first one is the last of the range.
    private ulong[] _words = [];
    private FreeRuns[] _runs = [];

    /// <summary>An allocator with everything free.</summary>
    /// <param name="start">First IOVA, aligned to the granule.</param>
    /// <param name="size">Bytes, aligned to the granule.</param>
    /// <param name="order">log2 of the granule in bytes.</param>
    /// <param name="fromEnd">Hands out the highest run that fits instead of the lowest.</param>
    public IovaAllocator(Iova start, ulong size, int order, bool fromEnd = false)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, 63);
        ArgumentOutOfRangeException.ThrowIfNotEqual((start.Value | size) & ((1UL << order) - 1), 0UL, nameof(start));
        _order = order;
        _fromEnd = fromEnd;
        _granules = (int)Math.Min(size >> order, MaxGranules);
        _base = fromEnd ? start.Value + (size - ((ulong)_granules << order)) : start.Value;
        Grow();
    }

    /// <summary>Granules handed out.</summary>
    public long Used { get; private set; }

    /// <summary>Granules in the range.</summary>
    public long Capacity => _granules;

    /// <summary>Takes a run of granules; false when there is none so long.</summary>
    public bool TryAllocate(ulong granules, out Iova iova) => TryAllocate(granules, 1, out iova);

    /// <summary>Takes a run of granules that begins at a multiple of <paramref name="alignment"/>; false when there is none so long.</summary>
    /// <param name="granules">How many.</param>
    /// <param name="alignment">Of the first IOVA, in granules: a power of two.</param>
    /// <param name="iova">The first IOVA.</param>
    public bool TryAllocate(ulong granules, ulong alignment, out Iova iova)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(BitOperations.IsPow2(alignment), true, nameof(alignment));
        iova = default;
        if (granules == 0 || granules > (ulong)_granules || alignment > MaxGranules)
        {
            return false;
        }

        Search search = new((int)granules, (int)alignment, Residue(granules, alignment));
        while (!Find(ref search, 1, _words.Length * WordBits, 0))
        {
            if (_words.Length * (long)WordBits >= _granules)
            {
                return false;
            }

            Grow();
            search.Restart();
        }

        Mark(search.Found, search.Count, used: true);
        Used += search.Count;
        iova = IovaOf(search.Found, search.Count);
        return true;
    }

    /// <summary>Takes exactly these granules, so that they are never handed out; false where some of them are taken or outside of the range.</summary>
    public bool TryReserve(Iova iova, ulong granules)
    {
        if (!Contains(iova, granules))
        {
            return false;
        }

        int first = IndexOf(iova, granules);
        while (first + (long)granules > _words.Length * (long)WordBits)
        {
            Grow();
        }

        for (int i = first; i < first + (int)granules; i++)
        {
            if ((_words[i / WordBits] >> (i % WordBits) & 1) != 0)
            {
                return false;
            }
        }

        Mark(first, (int)granules, used: true);
        Used += (long)granules;
        return true;
    }

    /// <summary>Gives a run back.</summary>
    /// <exception cref="InvalidOperationException">Some of it is not handed out: the caller freed twice.</exception>
    public void Free(Iova iova, ulong granules)
    {
        if (!Contains(iova, granules) || !IsUsed(IndexOf(iova, granules), (int)granules))
        {
            throw new InvalidOperationException($"{granules} granules at {iova} are not all handed out");
        }

        Mark(IndexOf(iova, granules), (int)granules, used: false);
        Used -= (long)granules;
    }

    private bool Contains(Iova iova, ulong granules)
    {
        ulong first = (iova.Value - _base) >> _order;
        return iova.Value >= _base && granules != 0 && first < (ulong)_granules && granules <= (ulong)_granules - first;
    }

    private int IndexOf(Iova iova, ulong granules)
    {
        ulong first = (iova.Value - _base) >> _order;
        return (int)(_fromEnd ? (ulong)_granules - first - granules : first);
    }

    private Iova IovaOf(int index, int count) => new(_base + ((ulong)(_fromEnd ? _granules - index - count : index) << _order));

    // What the index of an aligned run's first granule leaves, divided by the alignment.
    private int Residue(ulong granules, ulong alignment)
    {
        ulong start = _base >> _order;
        ulong residue = _fromEnd ? start + (ulong)_granules - granules : unchecked(0 - start);
        return (int)(residue & (alignment - 1));
    }

    private bool IsUsed(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            if (i / WordBits >= _words.Length || (_words[i / WordBits] >> (i % WordBits) & 1) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private void Grow()
    {
        int old = _words.Length;
        int length = Math.Max(1, old * 2);
        Array.Resize(ref _words, length);
        _runs = new FreeRuns[length * 2];
        for (int word = 0; word < length; word++)
        {
            // Granules past the range count as taken for ever.
            int inside = Math.Clamp(_granules - (word * WordBits), 0, WordBits);
            if (word >= old && inside < WordBits)
            {
                _words[word] = ~0UL << inside;
            }

            _runs[length + word] = FreeRuns.Of(_words[word]);
        }

        int width = WordBits;
        for (int level = length / 2; level > 0; level /= 2)
        {
            for (int node = level; node < level * 2; node++)
            {
                _runs[node] = FreeRuns.Join(_runs[node * 2], _runs[(node * 2) + 1], width);
            }

            width *= 2;
        }
    }

    // From the left, past whatever cannot hold the run.
    private bool Find(ref Search search, int node, int width, int first)
    {
        FreeRuns runs = _runs[node];
        if (search.CanSkip(runs))
        {
            search.Skip(runs, width, first);
            return false;
        }

        if (node >= _words.Length)
        {
            return search.Scan(_words[node - _words.Length], first);
        }

        width /= 2;
        return Find(ref search, node * 2, width, first) || Find(ref search, (node * 2) + 1, width, first + width);
    }

    private void Mark(int first, int count, bool used)
    {
        int end = first + count;
        while (first < end)
        {
            int word = first / WordBits;
            int from = first % WordBits;
            int bits = Math.Min(WordBits - from, end - first);
            ulong mask = (bits == WordBits ? ~0UL : (1UL << bits) - 1) << from;
            _words[word] = used ? _words[word] | mask : _words[word] & ~mask;
            Update(word);
            first += bits;
        }
    }

    private void Update(int word)
    {
        int node = _words.Length + word;
        FreeRuns runs = FreeRuns.Of(_words[word]);
        for (int width = WordBits; _runs[node] != runs; width *= 2)
        {
            _runs[node] = runs;
            node /= 2;
            if (node == 0)
            {
                return;
            }

            runs = FreeRuns.Join(_runs[node * 2], _runs[(node * 2) + 1], width);
        }
    }

    /// <summary>A run that is looked for, and the free granules just before the place that is looked at.</summary>
    private struct Search(int count, int alignment, int residue)
    {
        private int _runStart;
        private int _runLength;

        public readonly int Count => count;

        public int Found { get; private set; }

        public void Restart() => _runLength = 0;

        public readonly bool CanSkip(FreeRuns runs) => runs.Longest < Math.Min(count, FreeRuns.Most) && _runLength + runs.AtStart < count;

        public void Skip(FreeRuns runs, int width, int first)
        {
            if (runs.AtStart == width)
            {
                Extend(first, width);
            }
            else
            {
                _runStart = first + width - runs.AtEnd;
                _runLength = runs.AtEnd;
            }
        }

        public bool Scan(ulong word, int first)
        {
            ulong free = ~word;
            for (int bit = 0; bit < WordBits;)
            {
                int taken = Math.Min(BitOperations.TrailingZeroCount(free >> bit), WordBits - bit);
                if (taken != 0)
                {
                    _runLength = 0;
                    bit += taken;
                    continue;
                }

                int length = Math.Min(BitOperations.TrailingZeroCount(~(free >> bit)), WordBits - bit);
                Extend(first + bit, length);
                if (Fits())
                {
                    return true;
                }

                bit += length;
            }

            return false;
        }

        private void Extend(int first, int length)
        {
            _runStart = _runLength == 0 ? first : _runStart;
            _runLength += length;
        }

        private bool Fits()
        {
            Found = _runStart + ((residue - _runStart) & (alignment - 1));
            return Found - _runStart + (long)count <= _runLength;
        }
    }
}
