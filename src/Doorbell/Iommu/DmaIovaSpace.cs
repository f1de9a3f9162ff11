using System.Numerics;

namespace Doorbell.Iommu;

/// <summary>
/// Where the DMA API puts what a host driver maps: the highest IOVA that is free below 4 GiB, aligned to the size, and only when
/// that is full the rest of the aperture (Linux: drivers/iommu/dma-iommu.c, iommu_dma_alloc_iova).
/// </summary>
internal sealed class DmaIovaSpace
{
    private const ulong FourGibibytes = 1UL << 32;

    private readonly EngineLock _lock = new("dma iovas");
    private readonly int _order;
    private readonly IovaAllocator _low;
    private readonly IovaAllocator? _high;

    public DmaIovaSpace(PageTableFormat format)
    {
        _order = format.PageShift;
        ulong size = format.LastInput + 1;
        _low = new IovaAllocator(default, Math.Min(size, FourGibibytes), _order, fromEnd: true);
        _high = size > FourGibibytes ? new IovaAllocator(new Iova(FourGibibytes), size - FourGibibytes, _order, fromEnd: true) : null;

        // 0 is what drivers take for "none".
        _low.TryReserve(default, 1);
    }

    public bool TryAllocate(ulong granules, out Iova iova)
    {
        ulong alignment = BitOperations.RoundUpToPowerOf2(granules);
        using (_lock.Enter())
        {
            return _low.TryAllocate(granules, alignment, out iova) || (_high is not null && _high.TryAllocate(granules, alignment, out iova));
        }
    }

    /// <summary>Keeps what of a range lies below 4 GiB, where everything begins, from being handed out.</summary>
    public void Reserve(ReservedRegion region)
    {
        using (_lock.Enter())
        {
            ulong last = Math.Min(region.Last.Value, FourGibibytes - 1) >> _order;
            for (ulong granule = region.Base.Value >> _order; granule <= last; granule++)
            {
                _low.TryReserve(new Iova(granule << _order), 1);
            }
        }
    }

    public void Free(Iova iova, ulong granules)
    {
        using (_lock.Enter())
        {
            (iova.Value < FourGibibytes || _high is null ? _low : _high).Free(iova, granules);
        }
    }
}
