using Doorbell.Events;
using Doorbell.Iommu.Events;

namespace Doorbell.Iommu;

/// <summary>What the streams attached to it see of memory: a translation table, everything one to one, or nothing.</summary>
/// <remarks>
/// Translation may run on any thread at any time, without locks. Operations that change the domain exclude each other by
/// themselves; events are sent outside of every lock.
/// </remarks>
public sealed partial class IommuDomain
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
        if (type is IommuDomainType.Unmanaged or IommuDomainType.Dma)
        {
            _table = new PageTable(iommu.Format, iommu.TableLimit);
            _tlb = new Iotlb(iommu.Format.PageShift);
            _dma = type == IommuDomainType.Dma ? new DmaIovaSpace(iommu.Format) : null;
        }
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
    public bool MsiMapping => Iommu.TranslatesMsi && Type != IommuDomainType.Identity;

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

    internal bool HasTables => _table is not null;

    /// <summary>Maps for the domain's user with the largest blocks that fit; nothing changes when it fails.</summary>
    /// <returns>
    /// EINVAL: empty, misaligned, past the aperture, not accessible, inside the doorbell window (N5), or the domain has been freed. EEXIST:
    /// something there is mapped. ERANGE: the PAs leave their address space or the unit's output bits. ENODEV: the domain has no tables. ENOMEM: out of tables.
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

            Result mapped = MapInTable(iova, pa, size, protection);
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
                unmapped = UnmapInTable(iova, size);
            }
            else
            {
                if (iova < window.Base)
                {
                    unmapped = UnmapInTable(iova, window.Base.Value - iova.Value);
                }

                if (last > window.Last.Value)
                {
                    unmapped += UnmapInTable(window.Last + 1, last - window.Last.Value);
                }
            }
        }

        EmitUnmap(iova, size, unmapped);
        return unmapped;
    }

    /// <summary>
    /// Lets one whole mapping of the domain's user lead elsewhere. A device that is under way finds the old place or the new one, and from the return on the
    /// new one only.
    /// </summary>
    /// <param name="iova">First IOVA of what was mapped in one piece.</param>
    /// <param name="pa">Where it leads from now on, aligned to the granule.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="protection">What it allows.</param>
    public void Repoint(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        if (_table is null)
        {
            return;
        }

        using (_tableLock.Enter())
        {
            _table.Repoint(iova, pa, size, protection);
            Invalidate(iova, iova.Value + (size - 1));
        }

        EmitUnmap(iova, size, size);
        EmitMap(iova, pa, size, protection);
    }

    /// <summary>False where <see cref="Repoint"/> would need more tables than the domain may have: nobody should try then.</summary>
    /// <param name="iova">First IOVA of what was mapped in one piece.</param>
    /// <param name="before">Where it leads.</param>
    /// <param name="pa">Where it would lead.</param>
    /// <param name="size">Its bytes.</param>
    public bool AffordsRepoint(Iova iova, PhysicalAddress before, PhysicalAddress pa, ulong size) => _table is null || _table.AffordsRepoint(iova, before, pa, size);

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
                unmapped = UnmapInTable(default, ApertureEnd.Value + 1);
            }
        }

        Iommu.ReleaseContext(this);
        if (unmapped != 0)
        {
            EmitUnmap(default, ApertureEnd.Value + 1, unmapped);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Iommu.Name} domain {Id}";

    /// <summary>The streams attached; guarded by the unit's lock.</summary>
    internal HashSet<StreamTableEntry> Streams => _streams;

    // The caller holds the table's lock.
    private Result MapInTable(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        // Only the machine's own addresses: client memory's place in the physical map is no address of its bus (IommuOptions.OutputBits).
        if (pa.Value >> 48 == 0 && pa.Value + (size - 1) > Iommu.LastOutput)
        {
            return Result.Fail(Errno.ERANGE, $"map of {iova} to {pa}, size 0x{size:x}: beyond the {Iommu.OutputBits} bits of PA that {Iommu.Name} puts out ({Iommu.Model.NameOf(IommuFaultReason.AddressSize)})");
        }

        Result mapped = _table!.Map(iova, pa, size, protection);
        if (mapped.Errno == Errno.ENOMEM)
        {
            // Some of it was there until the tables ran out, and a device may have been through it.
            Invalidate(iova, iova.Value + (size - 1));
        }

        return mapped;
    }

    // The caller holds the table's lock. Out of the tables, then out of the cache: only when this returns may IOVA and page be another's (I7, N3).
    private ulong UnmapInTable(Iova iova, ulong size)
    {
        ulong unmapped = _table!.Unmap(iova, size);
        if (unmapped != 0)
        {
            Interleaving.Point("has unmapped");
            Invalidate(iova, SaturatedLast(iova, size));
        }

        return unmapped;
    }

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
            if (unmapped != 0)
            {
                Events.Emit(new IommuInvalidateEvent(Iommu.Name, Id, iova, size, Iommu.Model.RangeInvalidation));
            }

            Events.Emit(new IommuUnmapEvent(Iommu.Name, Id, iova, size, unmapped));
        }
    }
}
