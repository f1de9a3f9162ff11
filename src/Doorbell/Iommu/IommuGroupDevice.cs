namespace Doorbell.Iommu;

/// <summary>A device of a group, as far as the IOMMU is concerned.</summary>
/// <param name="Name">For sentences: <c>0000:01:00.0</c>.</param>
/// <param name="StreamId">What its transactions carry; devices behind a PCIe-to-PCI bridge share one.</param>
public sealed record IommuGroupDevice(string Name, StreamId StreamId)
{
    /// <summary>Regions reserved for this device beside the unit's (RMRR, IORT RMR).</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions { get; init; } = [];
}
