using System.Numerics;

namespace Doorbell.Vfio;

/// <summary>
/// VFIO_IOMMU_DIRTY_PAGES. No IOMMU of the type1 interface tells which pages a device wrote, so that every page that is mapped counts as
/// dirty, as in the kernel (num_non_pinned_groups).
/// </summary>
internal sealed partial class Type1Iommu
{
    private const int MostDirtyPages = int.MaxValue; // DIRTY_BITMAP_PAGES_MAX, of one mapping

    private bool _isTracking;

    /// <summary>EACCES where the container is of type1, not v2: the first thing that the kernel asks.</summary>
    public Result CheckTracksDirty() => isV2 ? Result.Ok : RefuseDirty(Errno.EACCES, "a container of type1 (not v2) does not track dirty pages");

    public Result ControlDirtyPages(VfioDirtyFlags flags)
    {
        if (CheckTracksDirty() is { IsOk: false } refused)
        {
            return refused;
        }

        if (flags is not (VfioDirtyFlags.Start or VfioDirtyFlags.Stop))
        {
            return RefuseDirty(Errno.EINVAL, $"flags 0x{(uint)flags:x} are not exactly one of START (1), STOP (2) and GET_BITMAP (4)");
        }

        if (flags == VfioDirtyFlags.Start && UserMappings.FirstOrDefault(IsBeyondBitmaps) is { } large)
        {
            return RefuseDirty(Errno.EINVAL, $"{large.Iova}-{large.Last} has more than {MostDirtyPages} pages, the most a bitmap tells of");
        }

        _isTracking = flags == VfioDirtyFlags.Start;
        return Result.Ok;
    }

    public Result GetDirtyPages(Iova iova, ulong size, VfioDirtyBitmap bitmap)
    {
        if (CheckTracksDirty() is { IsOk: false } refused)
        {
            return refused;
        }

        ulong page = SmallestPage;
        if (size != 0 && iova.Value + (size - 1) < iova.Value)
        {
            return RefuseDirty(Errno.EOVERFLOW, $"{iova} + 0x{size:x} wraps around the end of the address space");
        }

        if ((CheckBitmapSize(bitmap, size) ?? CheckBitmapPage(bitmap)) is { } reason)
        {
            return RefuseDirty(Errno.EINVAL, reason);
        }

        if (size == 0 || ((size | iova.Value) & (page - 1)) != 0)
        {
            return RefuseDirty(Errno.EINVAL, $"{iova} + 0x{size:x} is not a range of whole pages of 0x{page:x} bytes");
        }

        if (!_isTracking)
        {
            return RefuseDirty(Errno.EINVAL, "dirty pages are not tracked; START (1) comes first");
        }

        Iova last = iova + (size - 1);
        if (CutsMapping(false, iova, last))
        {
            return RefuseDirty(Errno.EINVAL, $"{iova}-{last} holds a part of a mapping only");
        }

        for (Iova at = iova; FirstMappingIn(at, last) is { } mapping; at = mapping.Last + 1)
        {
            if (!bitmap.Add(new IovaRange(mapping.Iova, mapping.Last)))
            {
                return RefuseDirty(Errno.EFAULT, $"the bits of {mapping.Iova}-{mapping.Last} cannot be written");
            }

            if (mapping.Last == last)
            {
                break;
            }
        }

        return Result.Ok;
    }

    // Why the bitmap does not fit the range, or null. It has a bit for every page of its own size, in words of 64 (verify_bitmap_size).
    private static string? CheckBitmapSize(VfioDirtyBitmap bitmap, ulong size)
    {
        ulong pages = bitmap.PageSize == 0 ? 0 : size >> BitOperations.TrailingZeroCount(bitmap.PageSize);
        ulong needed = (pages / 64 * 8) + (pages % 64 == 0 ? 0 : 8ul);
        return pages == 0 || bitmap.Bytes < needed || bitmap.Bytes > Type1Info.MaxDirtyBitmapBytes
            ? $"a bitmap of {bitmap.Bytes} bytes does not do for {pages} pages: {needed} to {Type1Info.MaxDirtyBitmapBytes} would"
            : null;
    }

    private string? CheckBitmapPage(VfioDirtyBitmap bitmap) => bitmap.PageSize == SmallestPage
        ? null
        : $"the bitmap's page size 0x{bitmap.PageSize:x} is not the smallest there is, 0x{SmallestPage:x}";

    // Each mapping has a bitmap of its own while dirty pages are tracked, and those end here (vfio_dma_bitmap_alloc).
    private bool IsBeyondBitmaps(DmaMapping mapping) => mapping.Size / SmallestPage > MostDirtyPages;

    private Result RefuseDirty(Errno errno, string reason) => host.Refuse("VFIO_IOMMU_DIRTY_PAGES", container, errno, null, $"{container}: {reason}");
}
