namespace Doorbell.Msi;

/// <summary>What an MSI domain says about itself (struct msi_domain_info, M1).</summary>
/// <param name="Flags">What it can do.</param>
/// <param name="MappingPoint">When it maps doorbells (M8).</param>
public sealed record MsiDomainInfo(MsiDomainFlags Flags, MappingPoint MappingPoint = MappingPoint.Alloc)
{
    /// <summary>M1: true when the controller translates by requester.</summary>
    public bool IrqRemapping => (Flags & MsiDomainFlags.IrqRemapping) != 0;

    /// <summary>Vectors are activated, masked, when they are allocated and not only when they are requested (MSI_FLAG_ACTIVATE_EARLY). It came to the kernel with mapping at allocation: v6 had neither (M8).</summary>
    public bool ActivatesEarly => MappingPoint == MappingPoint.Alloc;
}
