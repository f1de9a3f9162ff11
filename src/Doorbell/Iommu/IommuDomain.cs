namespace Doorbell.Iommu;

/// <summary>An IOMMU domain. Its implementation follows; the signatures are the seam other layers build on.</summary>
public sealed class IommuDomain
{
    /// <summary>Number in events.</summary>
    public int Id => throw new NotImplementedException();

    /// <summary>What it does with a transaction.</summary>
    public IommuDomainType Type => throw new NotImplementedException();

    /// <summary>Bit n set: blocks of 2^n bytes can be mapped.</summary>
    public ulong PageSizes => throw new NotImplementedException();

    /// <summary>Last IOVA the tables can hold, inclusive.</summary>
    public Iova ApertureEnd => throw new NotImplementedException();

    /// <summary>I1: true where MSI writes are translated, so that doorbells need a mapping.</summary>
    public bool MsiMapping => throw new NotImplementedException();

    /// <summary>Maps; nothing changes when it fails.</summary>
    public Result Map(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection) => throw new NotImplementedException();

    /// <summary>Unmaps whole blocks in the range and invalidates; returns the bytes unmapped.</summary>
    public ulong Unmap(Iova iova, ulong size) => throw new NotImplementedException();

    /// <summary>The walk, without events: false where nothing is mapped or the access is not allowed. Neither locks nor allocates.</summary>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa) => throw new NotImplementedException();

    /// <summary>I3.</summary>
    public Result AllocateReservedIovaDomain(Iova iova, ulong size, int order, DoorbellRetention retention = DoorbellRetention.UntilLastReference) => throw new NotImplementedException();

    /// <summary>I4, I5, I6.</summary>
    public Result<Iova> GetReservedIova(PhysicalAddress pa, ulong size, IommuProtection protection) => throw new NotImplementedException();

    /// <summary>I7.</summary>
    public void PutReservedIova(Iova iova) => throw new NotImplementedException();

    /// <summary>The IOVA a bound PA has now, without taking a reference (M8: translate only).</summary>
    public bool TryGetBoundIova(PhysicalAddress pa, out Iova iova) => throw new NotImplementedException();

    /// <summary>I8: ends the domain; nothing outlives it.</summary>
    public void Free() => throw new NotImplementedException();
}
