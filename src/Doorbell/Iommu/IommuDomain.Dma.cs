namespace Doorbell.Iommu;

/// <content>What the DMA API does with a domain of type Dma, and the regions every device's domain must have.</content>
public sealed partial class IommuDomain
{
    private readonly DmaIovaSpace? _dma;

    /// <summary>Maps for a host driver, at an IOVA the domain chooses: the highest that is free below 4 GiB, aligned to the size; above only when that is full.</summary>
    /// <param name="pa">First PA, aligned to the granule.</param>
    /// <param name="size">Bytes, aligned to the granule.</param>
    /// <param name="protection">What it allows.</param>
    /// <returns>ENODEV: no DMA domain. EINVAL: empty or misaligned. ENOMEM: no IOVA or no table is left. ERANGE as <see cref="Map"/>.</returns>
    public Result<Iova> MapDma(PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        if (_dma is null)
        {
            return Result.Fail(Errno.ENODEV, $"{this}: in a domain of type {Type} the owner chooses the IOVAs");
        }

        int order = Iommu.Format.PageShift;
        if (size == 0 || ((pa.Value | size) & (Iommu.Format.Granule - 1)) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"{this}: map of {pa}, size 0x{size:x}: empty or not aligned to the granule of 0x{Iommu.Format.Granule:x} bytes");
        }

        if (!_dma.TryAllocate(size >> order, out Iova iova))
        {
            return Result.Fail(Errno.ENOMEM, $"{this}: no IOVA is left for 0x{size:x} bytes");
        }

        Result mapped = Map(iova, pa, size, protection);
        if (!mapped.IsOk)
        {
            _dma.Free(iova, size >> order);
            return mapped;
        }

        return iova;
    }

    /// <summary>Takes back what <see cref="MapDma"/> mapped: unmapped and invalidated, and only then is the IOVA free (N3).</summary>
    /// <exception cref="InvalidOperationException">That was not mapped so: the caller's bug.</exception>
    public void UnmapDma(Iova iova, ulong size)
    {
        if (_dma is null || Unmap(iova, size) != size)
        {
            throw new InvalidOperationException($"{this}: {iova}, size 0x{size:x} is not what the DMA API mapped");
        }

        _dma.Free(iova, size >> Iommu.Format.PageShift);
    }

    /// <summary>
    /// Before a device is attached: its direct regions are mapped one to one (firmware's RMRRs and RMRs go on working), and in a DMA
    /// domain nothing below 4 GiB is handed out inside of them, of reserved ones and of hardware's MSI range. A region that is there already is fine.
    /// </summary>
    /// <param name="regions">Of every device that will be attached (a group's: <see cref="ReservedRegion.Merge"/>).</param>
    /// <returns>EEXIST: a direct region overlaps another mapping. What else <see cref="Map"/> answers.</returns>
    public Result MapReservedRegions(IEnumerable<ReservedRegion> regions)
    {
        ulong mask = Iommu.Format.Granule - 1;
        foreach (ReservedRegion region in regions)
        {
            if (region.Type != ReservedRegionType.SoftwareMsi)
            {
                _dma?.Reserve(region);
            }

            if (region.Type != ReservedRegionType.Direct || _table is null)
            {
                continue;
            }

            ulong first = region.Base.Value & ~mask;
            ulong last = region.Last.Value | mask;
            for (ulong page = first; page < last; page += mask + 1)
            {
                if (_table.TryGetEntry(new Iova(page), out PhysicalAddress pa, out _, out _) && pa.Value == page)
                {
                    continue;
                }

                Result mapped = Map(new Iova(page), new PhysicalAddress(page), mask + 1, IommuProtection.Read | IommuProtection.Write);
                if (!mapped.IsOk)
                {
                    return mapped;
                }
            }
        }

        return Result.Ok;
    }
}
