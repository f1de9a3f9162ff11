namespace Doorbell.Iommu;

/// <content>What devices go through: the cache, behind it the tables; and the invalidation that keeps the one true to the other.</content>
public sealed partial class IommuDomain
{
    private readonly Iotlb? _tlb;
    private long _invalidationCount;

    /// <summary>Invalidations of its cached translations so far, each of a range or of all.</summary>
    public long InvalidationCount => Volatile.Read(ref _invalidationCount);

    /// <summary>Translations of it that the unit has cached now.</summary>
    public int CachedTranslations => _tlb?.Count ?? 0;

    /// <summary>A translation without events: false where nothing is mapped or the access is not allowed. Neither locks nor allocates.</summary>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa) => TryTranslate(iova, access, out pa, out _);

    /// <summary>A translation, and how many bytes from there on one page or block holds. Neither locks nor allocates.</summary>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa, out ulong contiguous)
    {
        if (_tlb is null)
        {
            return Pass(iova, out pa, out contiguous);
        }

        ulong entry = _tlb.Find(iova.Value, out int shift);
        if (entry == 0 || !PageTableEntry.Allows(entry, access))
        {
            // Faults are not cached, so that a map needs no invalidation.
            bool wanted = _tlb.IsWanted(iova.Value);
            long generation = _tlb.Generation;
            entry = _table!.Walk(iova.Value, out shift);
            if (!PageTableEntry.IsValid(entry))
            {
                // A block may have become a table just as the walk passed it by (PageTable.Repoint).
                entry = _table.Walk(iova.Value, out shift);
            }

            if (!PageTableEntry.IsValid(entry) || !PageTableEntry.Allows(entry, access))
            {
                pa = default;
                contiguous = 0;
                return false;
            }

            if (wanted)
            {
                _tlb.Take(iova.Value, entry, shift, generation);
            }
        }

        pa = new PhysicalAddress(PageTableEntry.Address(entry, iova.Value, shift));
        contiguous = (1UL << shift) - (iova.Value & ((1UL << shift) - 1));
        return true;
    }

    internal IommuFaultReason FaultReasonOf(Iova iova)
    {
        if (_table is null)
        {
            return Type == IommuDomainType.Blocked ? IommuFaultReason.Blocked : IommuFaultReason.AddressSize;
        }

        if (Iommu.Model.ChecksInputSize && iova > ApertureEnd)
        {
            return IommuFaultReason.AddressSize;
        }

        return PageTableEntry.IsValid(_table.Walk(iova.Value, out _)) ? IommuFaultReason.Permission : IommuFaultReason.Translation;
    }

    private bool Pass(Iova iova, out PhysicalAddress pa, out ulong contiguous)
    {
        // An input above the output size is F_ADDR_SIZE, and must not reach another address space through its top half-word.
        bool passes = Type == IommuDomainType.Identity && iova.Value <= Iommu.LastOutput;
        pa = passes ? new PhysicalAddress(iova.Value) : default;
        contiguous = passes ? Iommu.LastOutput - iova.Value + 1 : 0;
        return passes;
    }

    // Under the table's lock: when it is given back, what has left the tables is served no more (I7, N3).
    private void Invalidate(Iova iova, ulong last)
    {
        _tlb!.Invalidate(iova.Value, last);
        Volatile.Write(ref _invalidationCount, _invalidationCount + 1);
    }
}
