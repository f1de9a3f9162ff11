namespace Doorbell.Iommu;

/// <summary>What a domain does with a transaction.</summary>
public enum IommuDomainType
{
    /// <summary>Every transaction is refused.</summary>
    Blocked,

    /// <summary>IOVA is PA.</summary>
    Identity,

    /// <summary>The owner maps (VFIO).</summary>
    Unmanaged,

    /// <summary>The DMA API maps (a host driver).</summary>
    Dma,
}
