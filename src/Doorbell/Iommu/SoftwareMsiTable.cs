namespace Doorbell.Iommu;

/// <summary>
/// I9, iommufd's form: the places of doorbell pages in a window, one table a context (one open /dev/iommu). Every domain of the
/// context takes its doorbells' IOVAs from it, so that a device's message stays right when its domain is replaced while vectors
/// are armed: the page is in the new domain, at the same IOVA, before the device is attached to it.
/// </summary>
/// <remarks>
/// A place once given stays given as long as the table lives, and never to another page (N3). Windows are told apart by their first
/// IOVA. The window has an end; past it is ENOSPC and never the user's IOVA space. Any thread may ask.
/// </remarks>
public sealed class SoftwareMsiTable
{
    private readonly EngineLock _lock = new("sw-msi table");
    private readonly Dictionary<(ulong Window, ulong Page, ulong Size), ulong> _offsets = [];
    private readonly Dictionary<ulong, ulong> _ends = [];

    /// <summary>Doorbell ranges that have a place, in all windows together.</summary>
    public int Count
    {
        get
        {
            using (_lock.Enter())
            {
                return _offsets.Count;
            }
        }
    }

    /// <summary>The offset of a doorbell's pages from the window's start: the one it was given, or the next that is free.</summary>
    /// <param name="windowStart">First IOVA of the window.</param>
    /// <param name="windowSize">Bytes in the window.</param>
    /// <param name="page">First PA, aligned to <paramref name="granule"/>.</param>
    /// <param name="size">Bytes: whole granules.</param>
    /// <param name="granule">Bytes in a granule of the domain that asks, a power of two.</param>
    /// <returns>ENOSPC: the window is full (I9); nothing has changed.</returns>
    public Result<ulong> GetOffset(Iova windowStart, ulong windowSize, PhysicalAddress page, ulong size, ulong granule)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfZero(granule);
        ArgumentOutOfRangeException.ThrowIfNotEqual((page.Value | size) & (granule - 1), 0UL, nameof(page));
        using (_lock.Enter())
        {
            if (_offsets.TryGetValue((windowStart.Value, page.Value, size), out ulong offset) && (offset & (granule - 1)) == 0)
            {
                return offset;
            }

            ulong end = _ends.GetValueOrDefault(windowStart.Value);
            offset = (end + (granule - 1)) & ~(granule - 1);
            if (offset < end || offset > windowSize || size > windowSize - offset)
            {
                return Result.Fail(Errno.ENOSPC, $"no room for doorbell {page}, size 0x{size:x}: 0x{end:x} of 0x{windowSize:x} bytes of the window at {windowStart} are taken for the life of the context (I9)");
            }

            _offsets[(windowStart.Value, page.Value, size)] = offset;
            _ends[windowStart.Value] = offset + size;
            return offset;
        }
    }

    /// <summary>True where the doorbell has a place in that window.</summary>
    public bool TryGetOffset(Iova windowStart, PhysicalAddress page, ulong size, out ulong offset)
    {
        using (_lock.Enter())
        {
            return _offsets.TryGetValue((windowStart.Value, page.Value, size), out offset);
        }
    }
}
