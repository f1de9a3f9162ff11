using Doorbell.Iommu.Events;

namespace Doorbell.Iommu;

/// <summary>A domain's window of IOVAs for doorbells (I3) and the doorbells bound in it (I4 to I8).</summary>
/// <remarks>
/// The lock guards the bookkeeping only and is never held across page-table work (I6). What a get has mapped in the meantime it
/// publishes under the lock, or takes back when another was faster. An IOVA goes back to the allocator last, when nothing
/// translates it any more (I7, N3).
/// </remarks>
public sealed class ReservedIovaDomain
{
    // What iommufd maps its pages with, whatever was asked: it has one mapping a page for every kind of user (prot 0x13 in its traces).
    private const IommuProtection SharedProtection = IommuProtection.Read | IommuProtection.Write | IommuProtection.Mmio;

    private readonly IommuDomain _domain;
    private readonly EngineLock _lock = new("window");
    private readonly DoorbellPlacement _placement;

    private readonly DoorbellIndex _byPhysicalAddress = new();

    // By granule of the window, as long as it was ever needed: IOVAs are handed out from the window's start.
    private DoorbellBinding?[] _byIova = [];

    private bool _closed;
    private int _bindingCount;
    private long _referenceCount;

    internal ReservedIovaDomain(IommuDomain domain, Iova start, ulong size, int order, DoorbellRetention retention, SoftwareMsiTable? table, DoorbellPlacement? placement = null)
    {
        _domain = domain;
        Base = start;
        Size = size;
        Order = order;
        Retention = retention;
        Table = table;
        _placement = placement ?? (table is null ? new AllocatedPlacement(start, size, order) : new TablePlacement(table, start, size, order));
    }

    /// <summary>First IOVA of the window.</summary>
    public Iova Base { get; }

    /// <summary>Bytes.</summary>
    public ulong Size { get; }

    /// <summary>Last IOVA, inclusive.</summary>
    public Iova Last => Base + (Size - 1);

    /// <summary>log2 of the granule doorbells are bound in, in bytes.</summary>
    public int Order { get; }

    /// <summary>How long a doorbell stays mapped.</summary>
    public DoorbellRetention Retention { get; }

    /// <summary>iommufd's form (I9): the context's table, which gives each doorbell its place; null where the window gives them itself.</summary>
    public SoftwareMsiTable? Table { get; }

    /// <summary>Doorbells bound now.</summary>
    public int BindingCount => Volatile.Read(ref _bindingCount);

    /// <summary>References held on all of them together (N2).</summary>
    public long ReferenceCount => Volatile.Read(ref _referenceCount);

    /// <summary>Granules of the window that are taken; while nothing races, those of the bindings.</summary>
    public long UsedGranules
    {
        get
        {
            using (_lock.Enter())
            {
                return _placement.UsedGranules;
            }
        }
    }

    /// <summary>The doorbells bound now, by rising IOVA: a copy.</summary>
    public IReadOnlyList<DoorbellBinding> GetBindings()
    {
        using (_lock.Enter())
        {
            return [.. _byIova.OfType<DoorbellBinding>().Distinct().OrderBy(static binding => binding.Iova)];
        }
    }

    internal bool Overlaps(ulong first, ulong last) => _placement.IsWindow && first <= Last.Value && last >= Base.Value;

    internal Result<Iova> Get(PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        if (size == 0 || size - 1 > ulong.MaxValue - pa.Value)
        {
            return Result.Fail(Errno.EINVAL, $"{_domain}: doorbell {pa}, size 0x{size:x}: not a range of addresses (I4)");
        }

        protection = _placement.IsShared ? SharedProtection : protection;

        ulong mask = (1UL << Order) - 1;
        PhysicalAddress start = new(pa.Value & ~mask);
        ulong granules = (((pa.Value + (size - 1)) | mask) - start.Value >> Order) + 1;
        DoorbellBinding? binding;
        Iova iova = default;
        int references = 0;
        using (_lock.Enter())
        {
            if (_closed)
            {
                return Closed(pa);
            }

            binding = Find(pa, size, protection);
            if (binding is not null)
            {
                references = AddReference(binding);
            }
            else
            {
                Result<Iova> place = _placement.Take(start, granules);
                if (!place.IsOk)
                {
                    return Result.Fail(place.Errno, $"{_domain}: {place.Reason}");
                }

                iova = place.Value;
            }
        }

        if (binding is not null)
        {
            EmitGet(binding, references);
            return binding.IovaOf(pa);
        }

        return Bind(new DoorbellBinding(start, iova, granules << Order, protection), pa, size);
    }

    private Result<Iova> Bind(DoorbellBinding fresh, PhysicalAddress pa, ulong size)
    {
        Result mapped = _domain.MapDoorbell(fresh.Iova, fresh.PhysicalAddress, fresh.Size, fresh.Protection);
        if (!mapped.IsOk && !(mapped.Errno == Errno.EEXIST && IsMappedAlready(fresh)))
        {
            FreeIova(fresh);
            return mapped;
        }

        DoorbellBinding? winner = null;
        int references = 0;
        bool closed;
        using (_lock.Enter())
        {
            closed = _closed;
            if (!closed)
            {
                winner = Find(pa, size, fresh.Protection);
                if (winner is null)
                {
                    Link(fresh);
                }

                references = AddReference(winner ?? fresh);
            }
        }

        if (!closed && winner is null)
        {
            if (_domain.Events.IsEnabled)
            {
                _domain.Events.Emit(new DoorbellBindEvent(_domain.Iommu.Name, _domain.Id, fresh.PhysicalAddress, fresh.Iova, fresh.Size, references));
            }

            return fresh.IovaOf(pa);
        }

        // Another was faster, or the window went: first nothing translates the IOVA, then it is free (I6, N3). Where both have the
        // same place the mapping is the winner's, and stays.
        if (winner is null || !_placement.IsShared)
        {
            _domain.UnmapDoorbell(fresh.Iova, fresh.Size);
        }

        FreeIova(fresh);
        if (winner is null)
        {
            return Closed(pa);
        }

        EmitGet(winner, references);
        return winner.IovaOf(pa);
    }

    // A racing get of the same doorbell has mapped it at the same place, the table's, and has not linked it yet.
    private bool IsMappedAlready(DoorbellBinding fresh) =>
        _placement.IsShared && _domain.TryTranslate(fresh.Iova, fresh.Protection, out PhysicalAddress pa) && pa == fresh.PhysicalAddress;

    internal void Put(Iova iova)
    {
        DoorbellBinding? binding;
        int references;
        bool last;
        using (_lock.Enter())
        {
            if (_closed)
            {
                return;
            }

            int granule = _placement.IndexOf(iova);
            binding = (uint)granule < (uint)_byIova.Length ? _byIova[granule] : null;
            if (binding is null || binding.References == 0)
            {
                throw new InvalidOperationException($"{_domain}: {iova} is put without having been got (N2)");
            }

            references = binding.DropReference();
            Volatile.Write(ref _referenceCount, _referenceCount - 1);
            last = references == 0 && Retention == DoorbellRetention.UntilLastReference;
            if (last)
            {
                Unlink(binding);
            }
        }

        if (last)
        {
            Unbind(binding, references);
        }
        else if (_domain.Events.IsEnabled)
        {
            _domain.Events.Emit(new DoorbellPutEvent(_domain.Iommu.Name, _domain.Id, binding.PhysicalAddress, binding.Iova, binding.Size, references));
        }
    }

    internal bool TryGetBoundIova(PhysicalAddress pa, out Iova iova)
    {
        using (_lock.Enter())
        {
            DoorbellBinding? binding = _byPhysicalAddress.Oldest(pa.Value >> Order);
            iova = binding is null ? default : binding.IovaOf(pa);
            return binding is not null;
        }
    }

    /// <summary>I8: nothing is bound or mapped afterwards, and no get that is under way brings anything back.</summary>
    internal void Close()
    {
        IReadOnlyList<DoorbellBinding> left;
        using (_lock.Enter())
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            left = GetBindings();
            foreach (DoorbellBinding binding in left)
            {
                Unlink(binding);
                Volatile.Write(ref _referenceCount, _referenceCount - binding.References);
            }
        }

        foreach (DoorbellBinding binding in left)
        {
            Unbind(binding, binding.References);
        }
    }

    private Result Closed(PhysicalAddress pa) =>
        Result.Fail(Errno.EINVAL, $"{_domain}: doorbell {pa}: the domain's window {Base}-{Last} has been freed (I5, I8)");

    private DoorbellBinding? Find(PhysicalAddress pa, ulong size, IommuProtection protection) =>
        _byPhysicalAddress.Find(pa.Value >> Order, pa, size, protection);

    private int AddReference(DoorbellBinding binding)
    {
        Volatile.Write(ref _referenceCount, _referenceCount + 1);
        return binding.AddReference();
    }

    private void Link(DoorbellBinding binding)
    {
        Span<DoorbellBinding?> iovas = IovasOf(binding);
        iovas.Fill(binding);
        for (int i = 0; i < iovas.Length; i++)
        {
            _byPhysicalAddress.Add((binding.PhysicalAddress.Value >> Order) + (ulong)i, binding);
        }

        Volatile.Write(ref _bindingCount, _bindingCount + 1);
    }

    private void Unlink(DoorbellBinding binding)
    {
        Span<DoorbellBinding?> iovas = IovasOf(binding);
        iovas.Clear();
        for (int i = 0; i < iovas.Length; i++)
        {
            _byPhysicalAddress.Remove((binding.PhysicalAddress.Value >> Order) + (ulong)i, binding);
        }

        Volatile.Write(ref _bindingCount, _bindingCount - 1);
    }

    private Span<DoorbellBinding?> IovasOf(DoorbellBinding binding)
    {
        int first = Math.Min(_placement.IndexOf(binding.Iova), _placement.IndexOf(binding.Iova + (binding.Size - 1)));
        int count = (int)(binding.Size >> Order);
        if (first + count > _byIova.Length)
        {
            Array.Resize(ref _byIova, Math.Max(first + count, _byIova.Length * 2));
        }

        return _byIova.AsSpan(first, count);
    }

    // Unlinked already: unmapped and invalidated, and only then free for another doorbell (I7).
    private void Unbind(DoorbellBinding binding, int references)
    {
        _domain.UnmapDoorbell(binding.Iova, binding.Size);
        FreeIova(binding);
        if (_domain.Events.IsEnabled)
        {
            _domain.Events.Emit(new DoorbellUnbindEvent(_domain.Iommu.Name, _domain.Id, binding.PhysicalAddress, binding.Iova, binding.Size, references));
        }
    }

    private void FreeIova(DoorbellBinding binding)
    {
        using (_lock.Enter())
        {
            _placement.Give(binding.Iova, binding.Size >> Order);
        }
    }

    private void EmitGet(DoorbellBinding binding, int references)
    {
        if (_domain.Events.IsEnabled)
        {
            _domain.Events.Emit(new DoorbellGetEvent(_domain.Iommu.Name, _domain.Id, binding.PhysicalAddress, binding.Iova, binding.Size, references));
        }
    }
}
