using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>What a running kernel must have, and what its parameters say that bears on passthrough.</summary>
internal sealed class KernelRules(HostFacts facts, KernelView kernel)
{
    /// <summary>The reasons, the same for every function.</summary>
    public IReadOnlyList<CheckReason> Judge()
    {
        List<CheckReason> reasons = [];
        if (!facts.IsRunning)
        {
            return reasons;
        }

        Vfio(reasons);
        Parameters(reasons);
        return reasons;
    }

    private void Vfio(List<CheckReason> reasons)
    {
        // What is loaded, or drives a device, is there, whatever a file says.
        bool hasPci = kernel.Has("vfio_pci") || facts.Functions.Any(static function => function.Driver == "vfio-pci");
        bool hasIommu = kernel.Has("vfio_iommu_type1") || kernel.Has("iommufd");
        if (hasPci && hasIommu)
        {
            return;
        }

        if (facts.Kernel.Configuration is null)
        {
            reasons.Add(new CheckReason(
                ReasonKinds.KernelConfigurationUnknown,
                "whether the kernel has VFIO is not known",
                "No kernel configuration was read, and no VFIO module is loaded: whether this kernel has VFIO is not known.",
                [new Evidence("/proc/config.gz"), new Evidence($"/boot/config-{facts.Kernel.Release ?? "$(uname -r)"}")],
                "modprobe vfio-pci vfio_iommu_type1 (as root) succeeds where it has; then check again",
                []));
            return;
        }

        List<string> lacking = [];
        if (kernel.Lacks("CONFIG_VFIO"))
        {
            lacking.Add("CONFIG_VFIO");
        }

        if (!hasPci && kernel.Lacks("CONFIG_VFIO_PCI"))
        {
            lacking.Add("CONFIG_VFIO_PCI");
        }

        if (!hasIommu && kernel.Lacks("CONFIG_VFIO_IOMMU_TYPE1") && (kernel.Lacks("CONFIG_IOMMUFD") || kernel.Lacks("CONFIG_VFIO_DEVICE_CDEV", "CONFIG_IOMMUFD_VFIO_CONTAINER")))
        {
            lacking.Add("CONFIG_VFIO_IOMMU_TYPE1 (or CONFIG_IOMMUFD with CONFIG_VFIO_DEVICE_CDEV)");
        }

        if (lacking.Count > 0)
        {
            string list = string.Join(", ", lacking);
            reasons.Add(new CheckReason(ReasonKinds.KernelLacksVfio, $"the kernel lacks {list}", $"Kernel {facts.Kernel.Release ?? "of the host"} is built without {list}.", [kernel.Configuration], $"Use a kernel with {list}", []));
        }
    }

    private void Parameters(List<CheckReason> reasons)
    {
        if (kernel.FindSwitch("vfio", "enable_unsafe_noiommu_mode") is { } noIommu)
        {
            reasons.Add(new CheckReason(ReasonKinds.NoIommuEnabled, "VFIO's noiommu mode is enabled", "vfio.enable_unsafe_noiommu_mode is set: privileged programs may open devices without an IOMMU, whose DMA reaches all memory.", [noIommu], "Take it away unless a program needs it", []));
        }

        if (kernel.FindWord("arm-smmu.disable_bypass") is { } bypass && bypass.EndsWith("=0", StringComparison.Ordinal))
        {
            reasons.Add(new CheckReason(ReasonKinds.BypassAllowed, "the SMMU lets unknown streams pass", $"{bypass}: DMA of devices without a domain reaches all memory. An assigned device has a domain and is translated.", [KernelView.AtWord(bypass)], "Take it away unless firmware needs it", []));
        }

        if ((kernel.FindOption("iommu", "pt") ?? (kernel.FindWord("iommu.passthrough") is { } word && word.EndsWith("=1", StringComparison.Ordinal) ? word : null)) is { } passthrough)
        {
            reasons.Add(new CheckReason(ReasonKinds.IommuPassthrough, $"host drivers' DMA is not translated ({passthrough})", $"{passthrough}: the host's own devices are not translated. An assigned device gets a domain of its own all the same.", [KernelView.AtWord(passthrough)], "", []));
        }
    }
}
