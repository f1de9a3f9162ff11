namespace Doorbell.Iommu.Events;

/// <summary>A doorbell was unmapped: its last reference went (I7), or its window did (I8; References then says how many were left).</summary>
/// <inheritdoc cref="DoorbellEvent"/>
public sealed record DoorbellUnbindEvent(string Iommu, int Domain, PhysicalAddress PhysicalAddress, Iova Iova, ulong Size, int References)
    : DoorbellEvent(Iommu, Domain, PhysicalAddress, Iova, Size, References)
{
    /// <inheritdoc/>
    public override string Kind => "doorbell.unbind";
}
