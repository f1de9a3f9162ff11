using System.Numerics;

namespace Doorbell.Iommu;

/// <summary>
/// Hands out runs of granules of one IOVA range, the lowest that fit. Bookkeeping is a bit a granule, grown as far as it was ever
/// used, under a tree of run lengths: allocating and freeing take logarithmic time however full the range is. Not thread-safe.
/// </summary>
public sealed class IovaAllocator
{
    // 4 TiB of 4 KiB granules; what lies beyond is never reached and only the arithmetic would get wider.
    private const ulong MaxGranules = 1UL << 30;
    private const int WordBits = 64;

    private readonly ulong _base;
    private readonly int _order;
    private readonly int _granules;

    private ulong[] _words = [];
    private Runs[] _runs = [];

    /// <summary>An allocator with everything free.</summary>
    /// <param name="start">First IOVA, aligned to the granule.</param>
    /// <param name="size">Bytes, aligned to the granule.</param>
    /// <param name="order">log2 of the granule in bytes.</param>
    public IovaAllocator(Iova start, ulong size, int order)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, 63);
        ArgumentOutOfRangeException.ThrowIfNotEqual((start.Value | size) & ((1UL << order) - 1), 0UL, nameof(start));
        _base = start.Value;
        _order = order;
        _granules = (int)Math.Min(size >> order, MaxGranules);
        Grow();
    }

    /// <summary>Granules handed out.</summary>
    public long Used { get; private set; }

    /// <summary>Granules in the range.</summary>
    public long Capacity => _granules;

    /// <summary>Takes a run of granules; false when there is none so long.</summary>
    public bool TryAllocate(ulong granules, out Iova iova)
    {
        iova = default;
        if (granules == 0 || granules > (ulong)_granules)
        {
            return false;
        }

        int count = (int)granules;
        while (_runs[1].Longest < count)
        {
            if (_words.Length * (long)WordBits >= _granules)
            {
                return false;
            }

            Grow();
        }

        int first = FindFirst(count);
        Mark(first, count, used: true);
        Used += count;
        iova = new Iova(_base + ((ulong)first << _order));
        return true;
    }

    /// <summary>Gives a run back.</summary>
    /// <exception cref="InvalidOperationException">Some of it is not handed out: the caller freed twice.</exception>
    public void Free(Iova iova, ulong granules)
    {
        ulong first = (iova.Value - _base) >> _order;
        if (iova.Value < _base || granules == 0 || first >= (ulong)_granules || granules > (ulong)_granules - first || !IsUsed((int)first, (int)granules))
        {
            throw new InvalidOperationException($"{granules} granules at {iova} are not all handed out");
        }

        Mark((int)first, (int)granules, used: false);
        Used -= (long)granules;
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
        _runs = new Runs[length * 2];
        for (int word = 0; word < length; word++)
        {
            // Granules past the range count as taken for ever.
            int inside = Math.Clamp(_granules - (word * WordBits), 0, WordBits);
            if (word >= old && inside < WordBits)
            {
                _words[word] = ~0UL << inside;
            }

            _runs[length + word] = Runs.Of(_words[word]);
        }

        int width = WordBits;
        for (int level = length / 2; level > 0; level /= 2)
        {
            for (int node = level; node < level * 2; node++)
            {
                _runs[node] = Runs.Join(_runs[node * 2], _runs[(node * 2) + 1], width);
            }

            width *= 2;
        }
    }

    // The lowest run of that length; the caller knows that there is one.
    private int FindFirst(int count)
    {
        int node = 1;
        int width = _words.Length * WordBits;
        int first = 0;
        while (node < _words.Length)
        {
            Runs left = _runs[node * 2];
            Runs right = _runs[(node * 2) + 1];
            width /= 2;
            if (left.Longest >= count)
            {
                node *= 2;
            }
            else if (left.AtEnd + right.AtStart >= count)
            {
                return first + width - left.AtEnd;
            }
            else
            {
                node = (node * 2) + 1;
                first += width;
            }
        }

        ulong free = ~_words[node - _words.Length];
        int bit = 0;
        while (true)
        {
            bit += BitOperations.TrailingZeroCount(free >> bit);
            int run = BitOperations.TrailingZeroCount(~(free >> bit));
            if (run >= count)
            {
                return first + bit;
            }

            bit += run;
        }
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
        _runs[node] = Runs.Of(_words[word]);
        int width = WordBits;
        for (node /= 2; node > 0; node /= 2)
        {
            _runs[node] = Runs.Join(_runs[node * 2], _runs[(node * 2) + 1], width);
            width *= 2;
        }
    }

    /// <summary>Free granules at the start and the end of a stretch, and the longest free run in it.</summary>
    private readonly record struct Runs(int AtStart, int AtEnd, int Longest)
    {
        public static Runs Of(ulong word)
        {
            int longest = 0;
            ulong free = ~word;
            while (free != 0)
            {
                free >>= BitOperations.TrailingZeroCount(free);
                int run = BitOperations.TrailingZeroCount(~free);
                longest = Math.Max(longest, run);
                free = run == WordBits ? 0 : free >> run;
            }

            return new Runs(BitOperations.TrailingZeroCount(word), BitOperations.LeadingZeroCount(word), longest);
        }

        public static Runs Join(Runs left, Runs right, int width) => new(
            left.AtStart == width ? width + right.AtStart : left.AtStart,
            right.AtEnd == width ? width + left.AtEnd : right.AtEnd,
            Math.Max(Math.Max(left.Longest, right.Longest), left.AtEnd + right.AtStart));
    }
}
