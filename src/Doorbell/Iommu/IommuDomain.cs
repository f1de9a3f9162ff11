using Doorbell.Events;
using Doorbell.Iommu.Events;

namespace Doorbell.Iommu;

/// <summary>What the streams attached to it see of memory: a translation table, everything one to one, or nothing.</summary>
/// <remarks>
/// Translation may run on any thread at any time, without locks. Operations that change the domain exclude each other by
/// themselves; events are sent outside of every lock.
/// </remarks>
public sealed class IommuDomain
{
    private readonly PageTable? _table;
    private readonly EngineLock _tableLock = new("page table");
    private readonly HashSet<StreamTableEntry> _streams = [];

    private ReservedIovaDomain? _reservedIovas;
    private bool _freed;

    internal IommuDomain(Iommu iommu, int id, IommuDomainType type)
    {
        Iommu = iommu;
        Id = id;
        Type = type;
        _table = type is IommuDomainType.Unmanaged or IommuDomainType.Dma ? new PageTable(iommu.Format, iommu.TableLimit) : null;
    }

    /// <summary>The unit it belongs to; only streams of that unit can be attached.</summary>
    public Iommu Iommu { get; }

    /// <summary>Number in events, unique in its unit.</summary>
    public int Id { get; }

    /// <summary>What it does with a transaction.</summary>
    public IommuDomainType Type { get; }

    /// <summary>Bit n set: blocks of 2^n bytes can be mapped.</summary>
    public ulong PageSizes => Iommu.Format.PageSizes;

    /// <summary>Last IOVA the tables can hold, inclusive.</summary>
    public Iova ApertureEnd => new(Iommu.Format.LastInput);

    /// <summary>I1: true where MSI writes are translated, so that doorbells need a mapping. An identity domain needs none (M7).</summary>
    public bool MsiMapping => Iommu.Model.TranslatesMsi && Type != IommuDomainType.Identity;

    /// <summary>The domain's window for doorbells; null when it has none.</summary>
    public ReservedIovaDomain? ReservedIovas => Volatile.Read(ref _reservedIovas);

    /// <summary>Bytes mapped, doorbells included.</summary>
    public ulong MappedBytes => _table?.MappedBytes ?? 0;

    /// <summary>Pages and blocks mapped, doorbells included.</summary>
    public long EntryCount => _table?.EntryCount ?? 0;

    /// <summary>N2: nothing is mapped and no doorbell is bound.</summary>
    public bool IsEmpty => EntryCount == 0 && ReservedIovas is null or { BindingCount: 0, UsedGranules: 0 };

    /// <summary>True after <see cref="Free"/>.</summary>
    public bool IsFreed => Volatile.Read(ref _freed);

    internal EventStream Events => Iommu.Events;

    /// <summary>Maps for the domain's user with the largest blocks that fit; nothing changes when it fails.</summary>
    /// <returns>
    /// EINVAL: empty, misaligned, past the aperture, not accessible, inside the doorbell window (N5), or the domain has been freed. EEXIST:
    /// something there is mapped. ERANGE: the PAs leave their address space. ENODEV: the domain has no tables. ENOMEM: out of tables.
    /// </returns>
    public Result Map(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        if (_table is null)
        {
            return Result.Fail(Errno.ENODEV, $"{this}: a domain of type {Type} maps nothing");
        }

        using (_tableLock.Enter())
        {
            if (_freed)
            {
                return Result.Fail(Errno.EINVAL, $"{this}: it has been freed");
            }

            if (_reservedIovas is { } window && size != 0 && window.Overlaps(iova.Value, SaturatedLast(iova, size)))
            {
                return Result.Fail(Errno.EINVAL, $"{this}: map of {iova}, size 0x{size:x}: overlaps the doorbell window {window.Base}-{window.Last} (N5)");
            }

            Result mapped = _table.Map(iova, pa, size, protection);
            if (!mapped.IsOk)
            {
                return Result.Fail(mapped.Errno, $"{this}: {mapped.Reason}");
            }
        }

        EmitMap(iova, pa, size, protection);
        return Result.Ok;
    }

    /// <summary>
    /// Unmaps for the domain's user whole pages and blocks in the range; returns the bytes unmapped. A block that sticks out of the range is
    /// not split and stays; the doorbell window is skipped. An empty range is quick whatever its size.
    /// </summary>
    /// <param name="iova">First IOVA, aligned to the granule.</param>
    /// <param name="size">Bytes, aligned to the granule; what goes past the aperture is cut off.</param>
    public ulong Unmap(Iova iova, ulong size)
    {
        if (_table is null || size == 0 || ((iova.Value | size) & (_table.Format.Granule - 1)) != 0)
        {
            return 0;
        }

        ulong unmapped = 0;
        using (_tableLock.Enter())
        {
            ulong last = SaturatedLast(iova, size);
            if (_reservedIovas is not { } window || !window.Overlaps(iova.Value, last))
            {
                unmapped = _table.Unmap(iova, size);
            }
            else
            {
                if (iova < window.Base)
                {
                    unmapped = _table.Unmap(iova, window.Base.Value - iova.Value);
                }

                if (last > window.Last.Value)
                {
                    unmapped += _table.Unmap(window.Last + 1, last - window.Last.Value);
                }
            }
        }

        EmitUnmap(iova, size, unmapped);
        return unmapped;
    }

    /// <summary>The walk, without events: false where nothing is mapped or the access is not allowed. Neither locks nor allocates.</summary>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa) => TryTranslate(iova, access, out pa, out _);

    /// <summary>The walk, and how many bytes from there on one page or block holds. Neither locks nor allocates.</summary>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa, out ulong contiguous)
    {
        if (_table is not null)
        {
            return _table.TryTranslate(iova, access, out pa, out contiguous);
        }

        // An input above the output size must not reach another address space through its top half-word.
        bool passes = Type == IommuDomainType.Identity && iova <= ApertureEnd;
        pa = passes ? new PhysicalAddress(iova.Value) : default;
        contiguous = passes ? ApertureEnd.Value - iova.Value + 1 : 0;
        return passes;
    }

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

        return ReservedIovas is { } window
            ? window.Get(pa, size, protection)
            : Result.Fail(Errno.EINVAL, $"{this}: doorbell {pa}: the domain has no window for doorbells (I5)");
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

    /// <summary>I8: ends the domain. Streams still attached are detached, its window and all it maps goes; a second call does nothing.</summary>
    /// <exception cref="InvalidOperationException">It is the unit's domain of unattached streams, which never ends.</exception>
    public void Free()
    {
        if (this == Iommu.UnattachedDomain)
        {
            throw new InvalidOperationException($"{this} is what unattached streams see");
        }

        using (_tableLock.Enter())
        {
            if (_freed)
            {
                return;
            }

            Volatile.Write(ref _freed, true);
        }

        Iommu.DetachAll(this);
        FreeReservedIovaDomain();
        ulong unmapped = 0;
        if (_table is not null)
        {
            using (_tableLock.Enter())
            {
                unmapped = _table.Unmap(default, ApertureEnd.Value + 1);
            }
        }

        if (unmapped != 0)
        {
            EmitUnmap(default, ApertureEnd.Value + 1, unmapped);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Iommu.Name} domain {Id}";

    /// <summary>The streams attached; guarded by the unit's lock.</summary>
    internal HashSet<StreamTableEntry> Streams => _streams;

    internal IommuFaultReason FaultReasonOf(Iova iova)
    {
        if (_table is null)
        {
            return Type == IommuDomainType.Blocked ? IommuFaultReason.Blocked : IommuFaultReason.AddressSize;
        }

        return _table.Walk(iova.Value, out _) == 0 ? IommuFaultReason.Translation : IommuFaultReason.Permission;
    }

    /// <summary>Maps inside the window, where <see cref="Map"/> does not.</summary>
    internal Result MapDoorbell(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        Result mapped;
        using (_tableLock.Enter())
        {
            mapped = Table.Map(iova, pa, size, protection);
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
            unmapped = Table.Unmap(iova, size);
        }

        EmitUnmap(iova, size, unmapped);
    }

    private PageTable Table => _table ?? throw new InvalidOperationException($"{this}: no tables");

    private static ulong SaturatedLast(Iova iova, ulong size) =>
        size - 1 > ulong.MaxValue - iova.Value ? ulong.MaxValue : iova.Value + (size - 1);

    private void EmitMap(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        if (Events.IsEnabled)
        {
            Events.Emit(new IommuMapEvent(Iommu.Name, Id, iova, pa, size, protection));
        }
    }

    private void EmitUnmap(Iova iova, ulong size, ulong unmapped)
    {
        if (Events.IsEnabled)
        {
            Events.Emit(new IommuUnmapEvent(Iommu.Name, Id, iova, size, unmapped));
        }
    }
}
