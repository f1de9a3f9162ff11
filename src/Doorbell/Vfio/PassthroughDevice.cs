using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <summary>A PCI function as VFIO sees it: the function, what translates its DMA, what takes its MSIs, who drives it.</summary>
public sealed class PassthroughDevice
{
    /// <summary>The driver name that means "handed to VFIO".</summary>
    public const string VfioDriver = "vfio-pci";

    /// <summary>The function itself.</summary>
    public required PciFunction Function { get; init; }

    /// <summary>The IOMMU that translates its DMA; null where none does.</summary>
    public required Iommu.Iommu? Iommu { get; init; }

    /// <summary>Its StreamID there.</summary>
    public required StreamId StreamId { get; init; }

    /// <summary>Its DeviceID at its MSI controller.</summary>
    public required DeviceId DeviceId { get; init; }

    /// <summary>The MSI domain its vectors come from; null where it has none.</summary>
    public required MsiDomain? MsiDomain { get; init; }

    /// <summary>The function as the MSI layer sees it.</summary>
    public required IMsiDevice MsiDevice { get; init; }

    /// <summary>The reserved regions of its IOVA space (I9).</summary>
    public required IReadOnlyList<ReservedRegion> ReservedRegions { get; init; }

    /// <summary>True for a bridge: its driver (pcieport) does not matter for viability (V4).</summary>
    public required bool IsBridge { get; init; }

    /// <summary>Who drives it: <see cref="VfioDriver"/>, another driver's name, or null for nobody.</summary>
    public string? Driver { get; set; }

    /// <summary>Why the device is in no group though an IOMMU stands before it; null where nothing keeps it out.</summary>
    public string? NoGroupReason { get; init; }

    /// <summary>A physical function of SR-IOV: its opener may set the token that openers of its virtual functions must know.</summary>
    public bool HasVirtualFunctions => Function.Config.ExtendedCapabilities().Any(offset => Function.Config.Read16(offset) == PciExtendedCapabilityId.SingleRootIoVirtualization);

    /// <summary>That token. It lives as long as the device is bound to vfio-pci.</summary>
    internal Guid VfToken { get; set; } = Guid.NewGuid();

    /// <summary>The function's address.</summary>
    public PciAddress Address => Function.Address;

    /// <summary>The function's address as Linux prints it.</summary>
    public string Name => Function.Address.ToString();

    /// <summary>Its host driver (pcieport, for one) takes vectors at the MSI controller, which has that many fewer and numbers later ones after them.</summary>
    /// <returns>ENOSPC where there are not as many; ENODEV without a controller.</returns>
    public Result TakeHostVectors(MsiKind kind, int count) => MsiDomain is null
        ? Result.Fail(Errno.ENODEV, $"{Name} has no MSI controller for its driver's {count} vectors.")
        : MsiDomain.CreateDeviceVectors(new PciMsiDevice(Function, DeviceId, null)).AllocateRange(kind, count, count).WithoutValue;

    /// <summary>True where user space may have it.</summary>
    public bool IsVfioBound => Driver == VfioDriver && !IsBridge;
}
