using Doorbell.Iommu;

namespace Doorbell.Hosts;

/// <summary>Memory that firmware wants kept or mapped for devices.</summary>
/// <param name="Region">The range and its type.</param>
/// <param name="Functions">The functions it is for; empty: every one behind <paramref name="Iommu"/>, or every one of the host.</param>
/// <param name="Iommu">The IOMMU it is for, by name; null where it is not tied to one.</param>
/// <param name="Evidence">Where it was read.</param>
public sealed record FirmwareReservedMemory(ReservedRegion Region, IReadOnlyList<PciAddress> Functions, string? Iommu, Evidence Evidence);
