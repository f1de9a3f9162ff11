using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>An IOMMU group as VFIO sees it: what can only be handed over together.</summary>
public sealed class PassthroughGroup(int id, IReadOnlyList<PassthroughDevice> devices)
{
    /// <summary>The number in /dev/vfio/N and /sys/kernel/iommu_groups/N.</summary>
    public int Id { get; } = id;

    /// <summary>A group VFIO made for a device that no IOMMU translates (vfio-noiommu): nothing keeps it apart from any memory.</summary>
    public bool IsNoIommu { get; init; }

    /// <summary>Every function in it, bridges included.</summary>
    public IReadOnlyList<PassthroughDevice> Devices { get; } = devices;

    /// <summary>True where /dev/vfio/N exists: at least one of its devices is bound to vfio-pci.</summary>
    public bool HasVfioDevice => Devices.Any(static device => device.IsVfioBound);

    /// <summary>I9: the reserved regions of all its devices, in order.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions => ReservedRegion.Merge(Devices.SelectMany(static device => device.ReservedRegions));

    /// <summary>V4: what keeps the group from being handed over; null when it is viable.</summary>
    public PassthroughDevice? FindObstacle() =>
        Devices.FirstOrDefault(static device => !device.IsBridge && device.Driver is not null and not PassthroughDevice.VfioDriver);
}
