namespace Doorbell.Iommu.Events;

/// <summary>A bound doorbell has one reference less and stays mapped.</summary>
/// <inheritdoc cref="DoorbellEvent"/>
public sealed record DoorbellPutEvent(string Iommu, int Domain, PhysicalAddress PhysicalAddress, Iova Iova, ulong Size, int References)
    : DoorbellEvent(Iommu, Domain, PhysicalAddress, Iova, Size, References)
{
    /// <inheritdoc/>
    public override string Kind => "doorbell.put";
}
