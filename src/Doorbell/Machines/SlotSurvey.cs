using Doorbell.Vfio;

namespace Doorbell.Machines;

/// <summary>What a device in a slot meets.</summary>
/// <param name="Host">The PCI host it is behind.</param>
/// <param name="Device">The device, with its IOMMU and MSI controller.</param>
/// <param name="Group">The group VFIO would offer it in; null where none does.</param>
public sealed record SlotSurvey(PciHostDescription Host, PassthroughDevice Device, PassthroughGroup? Group)
{
    /// <summary>True where its MSIs are looked up by who writes them (M1).</summary>
    public bool IsIsolated => Device.MsiDomain is { IsIsolated: true } || Device.Iommu is { ClaimsInterruptRemapping: true };

    /// <summary>True where an IOMMU translates its DMA.</summary>
    public bool IsTranslated => Device.Iommu is not null;
}
