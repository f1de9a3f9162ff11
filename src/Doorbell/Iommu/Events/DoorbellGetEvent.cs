namespace Doorbell.Iommu.Events;

/// <summary>A bound doorbell has one reference more; nothing was mapped.</summary>
/// <inheritdoc cref="DoorbellEvent"/>
public sealed record DoorbellGetEvent(string Iommu, int Domain, PhysicalAddress PhysicalAddress, Iova Iova, ulong Size, int References)
    : DoorbellEvent(Iommu, Domain, PhysicalAddress, Iova, Size, References)
{
    /// <inheritdoc/>
    public override string Kind => "doorbell.get";
}
