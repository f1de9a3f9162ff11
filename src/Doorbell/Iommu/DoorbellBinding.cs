namespace Doorbell.Iommu;

/// <summary>Granules of a doorbell's PA, the IOVAs they are mapped at, what the mapping allows and how many use it (I4).</summary>
public sealed class DoorbellBinding
{
    private int _references;

    internal DoorbellBinding(PhysicalAddress physicalAddress, Iova iova, ulong size, IommuProtection protection)
    {
        PhysicalAddress = physicalAddress;
        Iova = iova;
        Size = size;
        Protection = protection;
    }

    /// <summary>First PA, aligned to the window's granule.</summary>
    public PhysicalAddress PhysicalAddress { get; }

    /// <summary>First IOVA, aligned to the window's granule.</summary>
    public Iova Iova { get; }

    /// <summary>Bytes: whole granules.</summary>
    public ulong Size { get; }

    /// <summary>What the mapping allows.</summary>
    public IommuProtection Protection { get; }

    /// <summary>Gets that were not yet put back (N2).</summary>
    public int References => Volatile.Read(ref _references);

    internal int AddReference() => ++_references;

    internal int DropReference() => --_references;

    /// <summary>The whole range, not just its start; and all that was asked of the mapping, not just some of it.</summary>
    internal bool Covers(PhysicalAddress pa, ulong size, IommuProtection protection) =>
        Contains(pa) && size - 1 <= Size - 1 - (pa.Value - PhysicalAddress.Value) && (protection & ~Protection) == 0;

    internal bool Contains(PhysicalAddress pa) => pa.Value - PhysicalAddress.Value < Size && pa >= PhysicalAddress;

    internal Iova IovaOf(PhysicalAddress pa) => Iova + (pa.Value - PhysicalAddress.Value);
}
