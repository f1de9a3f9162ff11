namespace Doorbell.Iommu;

/// <content>The window for doorbells and what is bound in it (I3 to I9).</content>
public sealed partial class IommuDomain
{
    /// <summary>
    /// I3: gives the domain its one window for doorbells.
    /// </summary>
    /// <param name="iova">First IOVA, aligned to the window's granule.</param>
    /// <param name="size">Bytes, aligned to the window's granule.</param>
    /// <param name="order">log2 of the window's granule in bytes; at least the domain's.</param>
    /// <param name="retention">How long a doorbell stays mapped.</param>
    /// <returns>EINVAL: misaligned, empty, past the aperture, or the domain has been freed. EEXIST: it has a window. EADDRINUSE: something there is mapped (N5). ENODEV: it has no tables.</returns>
    public Result AllocateReservedIovaDomain(Iova iova, ulong size, int order, DoorbellRetention retention = DoorbellRetention.UntilLastReference) =>
        AllocateWindow(iova, size, order, retention, table: null);

    /// <summary>I9, iommufd's form: the domain's one window, its doorbells at the places of the context's table and mapped until the domain goes.</summary>
    /// <inheritdoc cref="AllocateReservedIovaDomain(Iova, ulong, int, DoorbellRetention)"/>
    /// <param name="iova">First IOVA, aligned to the window's granule.</param>
    /// <param name="size">Bytes, aligned to the window's granule.</param>
    /// <param name="order">log2 of the window's granule in bytes; at least the domain's.</param>
    /// <param name="table">The table of the context the domain belongs to.</param>
    public Result AllocateReservedIovaDomain(Iova iova, ulong size, int order, SoftwareMsiTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return AllocateWindow(iova, size, order, DoorbellRetention.UntilDomainFreed, table);
    }

    private Result AllocateWindow(Iova iova, ulong size, int order, DoorbellRetention retention, SoftwareMsiTable? table)
    {
        if (_table is null)
        {
            return Result.Fail(Errno.ENODEV, $"{this}: a domain of type {Type} has no room for a window (I3)");
        }

        if (order < _table.Format.PageShift || order > 63 || size == 0 || ((iova.Value | size) & ((1UL << order) - 1)) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"{this}: window {iova}, size 0x{size:x}: empty, not aligned to 2^{order} bytes, or that is less than the domain's granule (I3)");
        }

        if (iova > ApertureEnd || size - 1 > ApertureEnd.Value - iova.Value)
        {
            return Result.Fail(Errno.EINVAL, $"{this}: window {iova}, size 0x{size:x}: past the aperture, which ends at {ApertureEnd} (I3)");
        }

        using (_tableLock.Enter())
        {
            if (_freed)
            {
                return Result.Fail(Errno.EINVAL, $"{this}: it has been freed");
            }

            if (_reservedIovas is { } window)
            {
                return Result.Fail(Errno.EEXIST, $"{this}: it has the window {window.Base}-{window.Last} already (I3)");
            }

            if (_table.TryFindMapped(iova, size, out Iova mapped))
            {
                return Result.Fail(Errno.EADDRINUSE, $"{this}: window {iova}, size 0x{size:x}: {mapped} in it is mapped (N5)");
            }

            Volatile.Write(ref _reservedIovas, new ReservedIovaDomain(this, iova, size, order, retention, table));
            return Result.Ok;
        }
    }

    /// <summary>I8: takes the window away and unmaps every doorbell still bound in it. Does nothing when there is none.</summary>
    public void FreeReservedIovaDomain()
    {
        if (ReservedIovas is { } window)
        {
            window.Close();
            Interlocked.CompareExchange(ref _reservedIovas, null, window);
        }
    }

    /// <summary>I4, I5, I6: the IOVA of a doorbell in this domain, with the same offset in its granule; mapped now if it was not. Each success wants one <see cref="PutReservedIova"/>.</summary>
    /// <param name="pa">The doorbell.</param>
    /// <param name="size">Bytes from there on; the range may span granules and is covered whole.</param>
    /// <param name="protection">What the mapping must at least allow.</param>
    /// <returns>EINVAL: no window, or no range. ENOMEM: the window is full (the uAPI says ENOSPC, and so does iommufd's form, I9) or the tables are. EOPNOTSUPP: a blocked domain.</returns>
    public Result<Iova> GetReservedIova(PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        if (Type == IommuDomainType.Blocked)
        {
            return Result.Fail(Errno.EOPNOTSUPP, $"{this}: doorbell {pa}: a blocked domain lets no MSI through (I5)");
        }

        return (ReservedIovas ?? DmaDoorbells()) is { } window
            ? window.Get(pa, size, protection)
            : Result.Fail(Errno.EINVAL, $"{this}: doorbell {pa}: the domain has no window for doorbells (I5)");
    }

    // A DMA domain needs no window: its doorbells are pages like any that its owner maps, and stay until it goes (mainline's DMA cookie).
    private ReservedIovaDomain? DmaDoorbells()
    {
        if (_dma is null)
        {
            return null;
        }

        using (_tableLock.Enter())
        {
            if (_freed || _reservedIovas is not null)
            {
                return _reservedIovas;
            }

            int order = Iommu.Format.PageShift;
            ReservedIovaDomain doorbells = new(this, default, ApertureEnd.Value + 1, order, DoorbellRetention.UntilDomainFreed, table: null, new DmaPlacement(_dma, ApertureEnd, order));
            Volatile.Write(ref _reservedIovas, doorbells);
            return doorbells;
        }
    }

    /// <summary>I7: gives a reference back. The last one unlinks the binding, unmaps it and frees its IOVA, in this order. Does nothing when the window has gone (I8).</summary>
    /// <param name="iova">What <see cref="GetReservedIova"/> returned.</param>
    /// <exception cref="InvalidOperationException">Nobody holds a reference on it: the caller's bug (N2).</exception>
    public void PutReservedIova(Iova iova) => ReservedIovas?.Put(iova);

    /// <summary>The IOVA a bound PA has now, without taking a reference (M8: translate only). Where several bindings hold it, the oldest counts.</summary>
    public bool TryGetBoundIova(PhysicalAddress pa, out Iova iova)
    {
        iova = default;
        return ReservedIovas is { } window && window.TryGetBoundIova(pa, out iova);
    }

    /// <summary>Maps inside the window, where <see cref="Map"/> does not.</summary>
    internal Result MapDoorbell(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        Result mapped;
        using (_tableLock.Enter())
        {
            mapped = MapInTable(iova, pa, size, protection);
        }

        if (!mapped.IsOk)
        {
            return Result.Fail(mapped.Errno, $"{this}: doorbell {pa}: {mapped.Reason}");
        }

        EmitMap(iova, pa, size, protection);
        return Result.Ok;
    }

    /// <summary>Unmaps inside the window, where <see cref="Unmap"/> does not.</summary>
    internal void UnmapDoorbell(Iova iova, ulong size)
    {
        ulong unmapped;
        using (_tableLock.Enter())
        {
            unmapped = UnmapInTable(iova, size);
        }

        EmitUnmap(iova, size, unmapped);
    }
}
