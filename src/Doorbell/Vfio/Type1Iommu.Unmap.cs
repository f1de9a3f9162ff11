namespace Doorbell.Vfio;

/// <summary>VFIO_IOMMU_UNMAP_DMA in its forms: plain, everything, with the dirty pages, or only forgetting where the memory is.</summary>
internal sealed partial class Type1Iommu
{
    public Result<ulong> Unmap(VfioUnmapFlags flags, Iova iova, ulong size, VfioDirtyBitmap? dirty)
    {
        const VfioUnmapFlags Known = VfioUnmapFlags.All | VfioUnmapFlags.GetDirtyBitmap | VfioUnmapFlags.Vaddr;
        bool wantsDirty = (flags & VfioUnmapFlags.GetDirtyBitmap) != 0;
        if ((flags & ~Known) != 0 || (wantsDirty && flags != VfioUnmapFlags.GetDirtyBitmap))
        {
            return RefuseUnmap(iova, size, $"flags 0x{(uint)flags:x} are not GET_DIRTY_BITMAP (1) alone, or ALL (2), VADDR (4) or both");
        }

        if (IsV6 && (flags & VfioUnmapFlags.Vaddr) != 0)
        {
            return RefuseUnmap(iova, size, "the series' uAPI has no VADDR (4): its MAP_DMA could not tell the address again, that bit registers the window there");
        }

        if (wantsDirty && (dirty is null || CheckBitmapSize(dirty, size) is not null))
        {
            return RefuseUnmap(iova, size, dirty is null ? "there is no bitmap" : CheckBitmapSize(dirty, size)!);
        }

        bool isAll = (flags & VfioUnmapFlags.All) != 0;
        Iova last = isAll ? new Iova(ulong.MaxValue) : iova + (size - 1);
        Result range = isAll ? CheckWholeRange(iova, size) : CheckRange(iova, size);
        if (!range.IsOk)
        {
            return range;
        }

        if (wantsDirty && (!_isTracking || CheckBitmapPage(dirty!) is not null))
        {
            return RefuseUnmap(iova, size, CheckBitmapPage(dirty!) ?? "dirty pages are not tracked; VFIO_IOMMU_DIRTY_PAGES starts it");
        }

        bool isVaddr = (flags & VfioUnmapFlags.Vaddr) != 0;
        if (!isAll && !isVaddr && _window is { } window && window.Iova == iova && window.Last == last)
        {
            return Unregister(window);
        }

        // What was mapped, exactly: the usual case, with one look.
        if (!isAll && !isVaddr && !wantsDirty && _mappings.FirstIn(iova, last) is DmaMapping exact && exact.Iova == iova && exact.Last == last)
        {
            Remove(exact);
            return size;
        }

        if (isV2 && CutsMapping(isAll, iova, last))
        {
            return RefuseCut(iova, size);
        }

        if (!isV2 && !isAll && _mappings.At(iova) is { } first && first.Iova < iova)
        {
            // v1 ignores a range that begins inside a mapping, and takes a mapping whole that begins in the range.
            return 0UL;
        }

        return isVaddr ? InvalidateVaddr(iova, last) : Remove(iova, last, wantsDirty ? dirty : null);
    }

    private Result<ulong> Remove(Iova first, Iova last, VfioDirtyBitmap? dirty)
    {
        ulong unmapped = 0;
        while (FirstMappingIn(first, last) is { } mapping)
        {
            // What could not be told stays mapped, with all behind it.
            if (dirty is not null && !dirty.Add(new IovaRange(mapping.Iova, mapping.Last)))
            {
                return Result.Fail(Errno.EFAULT, $"{container}: the bits of {mapping.Iova}-{mapping.Last} cannot be written; it stays mapped");
            }

            unmapped += mapping.Size;
            Remove(mapping);
        }

        return unmapped;
    }

    private Result CheckWholeRange(Iova iova, ulong size) => iova.Value != 0 || size != 0
        ? RefuseUnmap(iova, size, "with the flag ALL, iova and size must be 0")
        : Result.Ok;

    private Result CheckRange(Iova iova, ulong size)
    {
        ulong page = SmallestPage;
        if (size == 0 || ((size | iova.Value) & (page - 1)) != 0)
        {
            return RefuseUnmap(iova, size, $"iova and size must be non-zero multiples of 0x{page:x}");
        }

        return iova.Value + (size - 1) < iova.Value
            ? Result.Fail(Errno.EOVERFLOW, $"{container}: unmapping {iova} + 0x{size:x} wraps around the end of the address space")
            : Result.Ok;
    }

    private bool CutsMapping(bool isAll, Iova first, Iova last) =>
        !isAll && ((_mappings.At(first) is { } head && head.Iova < first) || (_mappings.At(last) is { } tail && tail.Last > last));

    private Result RefuseCut(Iova iova, ulong size) =>
        RefuseUnmap(iova, size, "it would cut a mapping in two, which type1v2 does not do: unmap what was mapped");

    // The window is not the user's memory: a range that holds more than it passes over it.
    private DmaMapping? FirstMappingIn(Iova first, Iova last) => _mappings.FirstIn(first, last) switch
    {
        MsiWindow window => window.Last < last ? _mappings.FirstIn(window.Last + 1, last) as DmaMapping : null,
        IovaSlot slot => (DmaMapping)slot,
        null => null,
    };
}
