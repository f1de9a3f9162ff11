namespace Doorbell.Machines;

/// <summary>Which architecture a described IOMMU follows.</summary>
public enum SmmuModel
{
    /// <summary>IHI 0062: SMMU versions 1 and 2 (MMU-400, MMU-401, MMU-500).</summary>
    SmmuV2,

    /// <summary>IHI 0070: SMMU version 3.</summary>
    SmmuV3,

    /// <summary>Intel VT-d.</summary>
    VtD,

    /// <summary>AMD I/O Virtualization Technology.</summary>
    AmdVi,
}
