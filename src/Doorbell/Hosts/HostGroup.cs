using Doorbell.Iommu;

namespace Doorbell.Hosts;

/// <summary>An IOMMU group as the kernel formed it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Type">Its default domain (<c>DMA</c>, <c>DMA-FQ</c>, <c>identity</c>); null where not known.</param>
/// <param name="Members">PCI functions in it.</param>
/// <param name="OtherMembers">Its members that are no PCI functions (platform devices), by name.</param>
/// <param name="ReservedRegions">Its reserved regions; null where the file could not be read. Sysfs prints both MSI kinds as <c>msi</c>: they are
/// <see cref="ReservedRegionType.Msi"/> on x86, and on Arm <see cref="ReservedRegionType.SoftwareMsi"/> where they are the kernel's software window.
/// <see cref="ReservedRegionType.DirectRelaxable"/> ones do not take IOVAs from a user.</param>
/// <param name="Evidence">Its directory.</param>
public sealed record HostGroup(
    int Number, string? Type, IReadOnlyList<PciAddress> Members, IReadOnlyList<string> OtherMembers, IReadOnlyList<ReservedRegion>? ReservedRegions, Evidence Evidence)
{
    /// <summary>Its name: <c>vfio-noiommu</c> where VFIO made it for a device that no IOMMU translates; null where it has none, as almost all, or it is not known.</summary>
    public string? Name { get; init; }
}
