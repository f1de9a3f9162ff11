using System.Numerics;

namespace Doorbell.Vfio.Iommufd;

/// <content>Where mappings may go: reserved by devices and tables (N5), allowed by the user, free.</content>
internal sealed partial class Ioas
{
    private readonly List<(IovaRange Range, object Owner)> _reserved = [];
    private List<IovaRange> _allowed = [];

    /// <summary>Keeps a range from the user for as long as the owner wants it. EADDRINUSE: something is mapped there, or IOMMU_IOAS_ALLOW_IOVAS promised it (N5).</summary>
    public Result Reserve(IovaRange range, object owner, string what)
    {
        if (_areas.FirstIn(range.First, range.Last) is { } area)
        {
            return Result.Fail(Errno.EADDRINUSE, $"{this} has {area.Iova}-{area.Last} mapped, inside {range.First}-{range.Last}, {what}");
        }

        foreach (IovaRange allowed in _allowed)
        {
            if (Overlap(allowed, range))
            {
                return Result.Fail(Errno.EADDRINUSE, $"{this} was promised {allowed.First}-{allowed.Last} (IOMMU_IOAS_ALLOW_IOVAS), inside {range.First}-{range.Last}, {what}");
            }
        }

        _reserved.Add((range, owner));
        return Result.Ok;
    }

    /// <summary>The owner's ranges are the user's again.</summary>
    public void Unreserve(object owner) => _reserved.RemoveAll(entry => entry.Owner == owner);

    /// <summary>Ranges that must stay usable, and in which a mapping without a fixed IOVA goes. EINVAL: empty, or two overlap. EADDRINUSE: one is reserved.</summary>
    public Result Allow(ReadOnlySpan<IovaRange> ranges)
    {
        List<IovaRange> allowed = [];
        foreach (IovaRange range in ranges)
        {
            if (range.First >= range.Last || allowed.Exists(other => Overlap(other, range)))
            {
                return Result.Fail(Errno.EINVAL, $"{range.First}-{range.Last} is empty or overlaps another of the ranges");
            }

            allowed.Add(range);
        }

        foreach (IovaRange range in allowed)
        {
            if (FirstReserved(range) is { } reserved)
            {
                return Result.Fail(Errno.EADDRINUSE, $"{range.First}-{range.Last} cannot be promised: {reserved.First}-{reserved.Last} is reserved in {this} (N5)");
            }
        }

        allowed.Sort(static (a, b) => a.First.CompareTo(b.First));
        _allowed = allowed;
        return Result.Ok;
    }

    private static bool Overlap(IovaRange a, IovaRange b) => a.First <= b.Last && b.First <= a.Last;

    private List<IovaRange> Unreserved()
    {
        List<IovaRange> free = [];
        ulong next = 0;
        foreach ((IovaRange range, _) in _reserved.OrderBy(static entry => entry.Range.First))
        {
            if (range.First.Value > next)
            {
                free.Add(new IovaRange(new Iova(next), new Iova(range.First.Value - 1)));
            }

            if (range.Last.Value == ulong.MaxValue)
            {
                return free;
            }

            next = Math.Max(next, range.Last.Value + 1);
        }

        free.Add(new IovaRange(new Iova(next), new Iova(ulong.MaxValue)));
        return free;
    }

    private IovaRange? FirstReserved(IovaRange range)
    {
        IovaRange? first = null;
        foreach ((IovaRange reserved, _) in _reserved)
        {
            if (Overlap(reserved, range) && (first is null || reserved.First < first.Value.First))
            {
                first = reserved;
            }
        }

        return first;
    }

    // iopt_check_iova.
    private Result<Iova> Check(Iova iova, ulong length)
    {
        if ((iova.Value & (Alignment - 1)) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"IOVA {iova} is not a multiple of 0x{Alignment:x}");
        }

        Iova last = iova + (length - 1);
        if (last < iova)
        {
            return Result.Fail(Errno.EOVERFLOW, $"0x{length:x} bytes from IOVA {iova} on wrap around the end of the address space");
        }

        if (FirstReserved(new IovaRange(iova, last)) is { } reserved)
        {
            return Result.Fail(Errno.EINVAL, $"IOVA {iova}-{last} is not usable: {reserved.First}-{reserved.Last} is reserved for MSI doorbells, by a device or beyond what its IOMMU translates (N5)");
        }

        return _areas.FirstIn(iova, last) is { } area
            ? Result.Fail(Errno.EEXIST, $"IOVA {area.Iova}-{area.Last} is mapped already (N5); unmap it first")
            : iova;
    }

    // iopt_alloc_iova: the lowest place that fits, aligned as the memory is so that large pages can be used, never in the first or last page.
    private Result<Iova> FindFree(ulong length, ulong address)
    {
        if (length >= ulong.MaxValue / 2)
        {
            return Result.Fail(Errno.EOVERFLOW, $"0x{length:x} bytes are more than an address space has room for");
        }

        ulong alignment = BitOperations.RoundUpToPowerOf2(length);
        if (address != 0)
        {
            alignment = Math.Min(alignment, 1UL << BitOperations.TrailingZeroCount(address));
        }

        alignment = Math.Min(alignment, context.HugePageSize);
        if (alignment < Alignment)
        {
            return Result.Fail(Errno.EINVAL, $"the memory at 0x{address:x} does not begin at a multiple of 0x{Alignment:x}");
        }

        IovaRange whole = new(new Iova(context.PageSize), new Iova(ulong.MaxValue - context.PageSize));
        foreach (IovaRange allowed in _allowed.Count == 0 ? [whole] : _allowed)
        {
            if (FindFreeIn(allowed, length, alignment, address & (context.PageSize - 1)) is { } iova)
            {
                return Check(iova, length);
            }
        }

        return Result.Fail(Errno.ENOSPC, $"{this} has no 0x{length:x} bytes of IOVA free{(_allowed.Count == 0 ? string.Empty : " in the ranges that IOMMU_IOAS_ALLOW_IOVAS named")}");
    }

    private Iova? FindFreeIn(IovaRange range, ulong length, ulong alignment, ulong pageOffset)
    {
        for (ulong start = range.First.Value; ;)
        {
            ulong aligned = (start + (alignment - 1)) & ~(alignment - 1) | pageOffset;
            if (aligned < start || aligned > range.Last.Value || range.Last.Value - aligned < length - 1)
            {
                return null;
            }

            IovaRange candidate = new(new Iova(aligned), new Iova(aligned + (length - 1)));
            ulong taken = Math.Max(
                _areas.FirstIn(candidate.First, candidate.Last)?.Last.Value ?? 0,
                FirstReserved(candidate)?.Last.Value ?? 0);
            if (taken == 0)
            {
                return candidate.First;
            }

            if (taken == ulong.MaxValue)
            {
                return null;
            }

            start = taken + 1;
        }
    }
}
