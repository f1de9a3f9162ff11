using Doorbell.Hosts;
using Doorbell.Machines;

namespace Doorbell.Checks;

/// <summary>What parts of a host are called in sentences.</summary>
internal static class Describe
{
    public static string Kind(FirmwareMsiController controller) => controller.Kind switch
    {
        FirmwareMsiKind.Its => "GICv3 ITS",
        FirmwareMsiKind.GicV2m => "GICv2m",
        FirmwareMsiKind.Mbi => "GICv3 message-based SPIs",
        _ => controller.Product ?? "an MSI controller of the SoC",
    };

    public static string Kind(FirmwareIommu iommu) => iommu.Product ?? iommu.Model switch
    {
        SmmuModel.SmmuV3 => "SMMUv3",
        SmmuModel.SmmuV2 => "SMMUv2",
        SmmuModel.VtD => "VT-d",
        _ => "AMD-Vi",
    };

    /// <summary>What the kernel calls an IOMMU in /sys/class/iommu, in words; null where the name is none it gives.</summary>
    public static string? Kind(string kernelName) =>
        kernelName.StartsWith("smmu3.", StringComparison.Ordinal) ? "SMMUv3"
        : kernelName.StartsWith("smmu.", StringComparison.Ordinal) ? "SMMUv2"
        : kernelName.StartsWith("dmar", StringComparison.Ordinal) ? "VT-d"
        : kernelName.StartsWith("ivhd", StringComparison.Ordinal) ? "AMD-Vi"
        : null;

    public static string Named(string name, string? kind) => kind is null || kind == name ? name : $"{name} ({kind})";
}
