namespace Doorbell.Checks.Guests;

/// <summary>What of a guest meets what of the host.</summary>
public enum GuestCollisionKind
{
    /// <summary>RAM in a reserved region: VFIO_IOMMU_MAP_DMA answers EINVAL and the guest does not start (N5, I9).</summary>
    Reserved,

    /// <summary>RAM past what the IOMMU translates: EINVAL too.</summary>
    Aperture,

    /// <summary>RAM at addresses that the host's bridges take: mapping it succeeds, and a device's DMA there can end at another device.</summary>
    BridgeWindow,

    /// <summary>A PCI window of the guest in a reserved region or past the aperture: a BAR there cannot be mapped for DMA between devices; RAM is not touched.</summary>
    GuestWindow,
}
