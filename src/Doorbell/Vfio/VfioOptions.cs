namespace Doorbell.Vfio;

/// <summary>What the administrator of the host decides.</summary>
public sealed record VfioOptions
{
    /// <summary>vfio_iommu_type1.allow_unsafe_interrupts: V3 is overridden, and every report says so.</summary>
    public bool AllowUnsafeInterrupts { get; init; }
}
