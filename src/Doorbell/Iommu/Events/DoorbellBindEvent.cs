namespace Doorbell.Iommu.Events;

/// <summary>A doorbell was mapped and has its first reference.</summary>
/// <inheritdoc cref="DoorbellEvent"/>
public sealed record DoorbellBindEvent(string Iommu, int Domain, PhysicalAddress PhysicalAddress, Iova Iova, ulong Size, int References)
    : DoorbellEvent(Iommu, Domain, PhysicalAddress, Iova, Size, References)
{
    /// <inheritdoc/>
    public override string Kind => "doorbell.bind";
}
