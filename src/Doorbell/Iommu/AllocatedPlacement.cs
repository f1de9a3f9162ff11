namespace Doorbell.Iommu;

/// <summary>The series and mainline's cookie: a window of the domain's own, each doorbell at the lowest place that is free.</summary>
internal sealed class AllocatedPlacement(Iova start, ulong size, int order) : DoorbellPlacement
{
    private readonly IovaAllocator _iovas = new(start, size, order);

    public override bool IsShared => false;

    public override long UsedGranules => _iovas.Used;

    public override int IndexOf(Iova iova) => IndexFrom(start, iova, order);

    public override Result<Iova> Take(PhysicalAddress page, ulong granules) => _iovas.TryAllocate(granules, out Iova iova)
        ? iova
        : Result.Fail(Errno.ENOMEM, $"no room for doorbell {page}, size 0x{granules << order:x}: {_iovas.Used} of {_iovas.Capacity} granules of the window {start}-{start + (size - 1)} are taken (I5)");

    public override void Give(Iova iova, ulong granules) => _iovas.Free(iova, granules);
}
