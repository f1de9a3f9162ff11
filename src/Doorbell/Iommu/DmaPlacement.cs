namespace Doorbell.Iommu;

/// <summary>A host driver's doorbells (a DMA domain): wherever the DMA API's allocator puts them, like any page it maps; the first at 0xfffff000 with 4 KiB granules.</summary>
internal sealed class DmaPlacement(DmaIovaSpace iovas, Iova apertureEnd, int order) : DoorbellPlacement
{
    // Doorbells come from the end: the places nearest to 4 GiB have the lowest numbers.
    private readonly ulong _end = Math.Min(apertureEnd.Value, uint.MaxValue);
    private long _used;

    public override bool IsShared => false;

    public override bool IsWindow => false;

    public override long UsedGranules => _used;

    public override int IndexOf(Iova iova) => iova.Value <= _end ? (int)((_end - iova.Value) >> order) : -1;

    public override Result<Iova> Take(PhysicalAddress page, ulong granules)
    {
        if (!iovas.TryAllocate(granules, out Iova iova))
        {
            return Result.Fail(Errno.ENOMEM, $"no IOVA left for doorbell {page}, size 0x{granules << order:x} (I5)");
        }

        if (iova.Value > _end)
        {
            iovas.Free(iova, granules);
            return Result.Fail(Errno.ENOMEM, $"no IOVA left below 4 GiB for doorbell {page}, size 0x{granules << order:x} (I5)");
        }

        _used += (long)granules;
        return iova;
    }

    public override void Give(Iova iova, ulong granules)
    {
        iovas.Free(iova, granules);
        _used -= (long)granules;
    }
}
