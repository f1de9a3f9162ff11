namespace Doorbell.Hosts;

/// <summary>Where a requester's transactions go, as far as the firmware says.</summary>
/// <param name="IsKnown">False where the firmware says nothing of this requester at all (no PCI host of its segment), or says it where it cannot be read (a broken table, a way over bridges whose buses are not known): then nothing follows from the rest.</param>
/// <param name="Iommu">The IOMMU in front of it; null where firmware puts none there.</param>
/// <param name="StreamId">What that IOMMU calls it.</param>
/// <param name="Controller">The MSI controller it writes to; null where firmware names none (always on x86).</param>
/// <param name="DeviceId">What that controller calls it.</param>
/// <param name="Evidence">The rows that say so, in the order of the way.</param>
public sealed record FirmwarePath(
    bool IsKnown, FirmwareIommu? Iommu, uint StreamId, FirmwareMsiController? Controller, uint DeviceId, IReadOnlyList<Evidence> Evidence);
