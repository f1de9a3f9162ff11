namespace Doorbell.Iommu;

/// <summary>What a mapping allows, bit for bit as the kernel's include/linux/iommu.h prints it in traces.</summary>
[Flags]
public enum IommuProtection
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>IOMMU_READ.</summary>
    Read = 1 << 0,

    /// <summary>IOMMU_WRITE.</summary>
    Write = 1 << 1,

    /// <summary>IOMMU_CACHE.</summary>
    Cache = 1 << 2,

    /// <summary>IOMMU_NOEXEC.</summary>
    NoExec = 1 << 3,

    /// <summary>IOMMU_MMIO.</summary>
    Mmio = 1 << 4,
}
