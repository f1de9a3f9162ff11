namespace Doorbell.Checks;

/// <summary>Every kind of reason there is. Ids are stable; docs/check.md has an example of each.</summary>
public static class ReasonKinds
{
    /// <summary>No IOMMU translates the function.</summary>
    public static ReasonKind NoIommu { get; } = new("no-iommu", "V4", CheckSeverity.Blocks, "No IOMMU translates the device",
        "VFIO offers IOMMU groups, and a device that no IOMMU translates is in none. Only VFIO's noiommu mode could open it, where nothing keeps the device from any memory, and virtual machine monitors do not use that.");

    /// <summary>A kernel parameter keeps the IOMMU off.</summary>
    public static ReasonKind IommuOff { get; } = new("iommu-off", "V4", CheckSeverity.Blocks, "The IOMMU is switched off by a kernel parameter",
        "With iommu=off, intel_iommu=off or amd_iommu=off the kernel leaves the IOMMU alone and makes no groups.");

    /// <summary>Intel's IOMMU is there and the kernel waits to be asked.</summary>
    public static ReasonKind IommuNotEnabled { get; } = new("iommu-not-enabled", "V4", CheckSeverity.Blocks, "The IOMMU is not switched on",
        "A kernel built without CONFIG_INTEL_IOMMU_DEFAULT_ON uses VT-d only when its command line says intel_iommu=on.");

    /// <summary>The kernel has no driver for the IOMMU.</summary>
    public static ReasonKind KernelLacksIommuDriver { get; } = new("kernel-lacks-iommu-driver", "V4", CheckSeverity.Blocks, "The kernel has no driver for the IOMMU",
        "Without CONFIG_ARM_SMMU_V3, CONFIG_ARM_SMMU, CONFIG_INTEL_IOMMU or CONFIG_AMD_IOMMU, whichever the machine has, there are no groups.");

    /// <summary>The function alone has no group.</summary>
    public static ReasonKind NoGroup { get; } = new("no-group", "V4", CheckSeverity.Blocks, "The device is in no IOMMU group",
        "Other devices of the host have a group and this one has none: no IOMMU stands before it, or its StreamID is another device's already (an SMMUv3 has one device a StreamID).");

    /// <summary>Which groups there are is not known.</summary>
    public static ReasonKind GroupsUnknown { get; } = new("groups-unknown", "V4", CheckSeverity.Unknown, "The IOMMU groups are not known",
        "What is handed over is a group. Which devices form one is the kernel's decision (ACS, bridges, quirks), to be read in /sys/kernel/iommu_groups.");

    /// <summary>What the firmware puts in front of it is not known.</summary>
    public static ReasonKind IommuUnknown { get; } = new("iommu-unknown", "I1", CheckSeverity.Unknown, "Whether an IOMMU translates the device is not known",
        "Neither a running kernel's groups nor a table or device tree says where the device's DMA goes.");

    /// <summary>Nothing looks at who writes its MSIs.</summary>
    public static ReasonKind MsiNotIsolated { get; } = new("msi-not-isolated", "V3", CheckSeverity.Blocks, "Nothing checks who writes the device's interrupts",
        "The MSI controller raises whatever interrupt is written to its doorbell, whoever writes it, so the owner of a device could raise any interrupt behind it. VFIO refuses the group with EPERM (\"No interrupt remapping support\") unless allow_unsafe_interrupts is set.");

    /// <summary>x86: interrupt remapping is off.</summary>
    public static ReasonKind InterruptRemappingOff { get; } = new("interrupt-remapping-off", "V3", CheckSeverity.Blocks, "Interrupt remapping is off",
        "On x86 it is the IOMMU's interrupt remapping that checks who writes an MSI. Without it VFIO refuses the group with EPERM (\"No interrupt remapping support\") unless allow_unsafe_interrupts is set.");

    /// <summary>No controller takes its MSIs.</summary>
    public static ReasonKind NoMsiController { get; } = new("no-msi-controller", "V3", CheckSeverity.Blocks, "No MSI controller takes the device's interrupts",
        "Without an MSI controller there is nothing that could check who writes: VFIO refuses the group with EPERM unless allow_unsafe_interrupts is set, and the device would have its INTx line only.");

    /// <summary>An old kernel asks every controller of the host.</summary>
    public static ReasonKind MsiAllControllers { get; } = new("msi-all-controllers", "V3", CheckSeverity.Blocks, "Another MSI controller of the host does not isolate, and this kernel asks all",
        "Before Linux 6.3, VFIO asked whether every MSI controller of the host isolates, not only the device's own (irq_domain_check_msi_remap).");

    /// <summary>It is not isolated, and allowed.</summary>
    public static ReasonKind MsiUnsafeAllowed { get; } = new("msi-unsafe-allowed", "V3", CheckSeverity.Unsafe, "Nothing checks who writes the device's interrupts, and that is allowed",
        "allow_unsafe_interrupts is set: VFIO hands the device over although its owner can raise any interrupt behind the MSI controller. For owners that are trusted only.");

    /// <summary>Whether it is isolated is not known.</summary>
    public static ReasonKind MsiIsolationUnknown { get; } = new("msi-isolation-unknown", "V3", CheckSeverity.Unknown, "Whether something checks who writes the device's interrupts is not known",
        "VFIO refuses a group whose MSIs are not isolated with EPERM. The kernel's interrupt domains, or the firmware's tables, would say.");

    /// <summary>A neighbour has a host driver.</summary>
    public static ReasonKind GroupNotViable { get; } = new("group-not-viable", "V4", CheckSeverity.Blocks, "Another device of the group is the host's",
        "A group is handed over whole: each of its devices must be bound to vfio-pci or to nothing. Bridges (pcieport) do not matter. VFIO answers EPERM until the others are unbound too.");

    /// <summary>Who drives a neighbour is not known.</summary>
    public static ReasonKind NeighbourDriverUnknown { get; } = new("neighbour-driver-unknown", "V4", CheckSeverity.Unknown, "Who drives another device of the group is not known",
        "A group is handed over whole, and one device with a host driver keeps it back.");

    /// <summary>Something else than PCI is in the group.</summary>
    public static ReasonKind GroupHasPlatformDevice { get; } = new("group-has-platform-device", "V4", CheckSeverity.Unknown, "The group has a device that is not PCI",
        "A platform device of the group must be bound to VFIO or to nothing as well; what drives it was not read.");

    /// <summary>Others go with it.</summary>
    public static ReasonKind GroupHasOthers { get; } = new("group-has-others", "V4", CheckSeverity.Note, "Other devices go with it",
        "A group is handed over whole: whoever gets this device can reach the others of its group, and they cannot be used by anybody else meanwhile.");

    /// <summary>Firmware wants memory mapped for it.</summary>
    public static ReasonKind DirectRegion { get; } = new("direct-region", "I9", CheckSeverity.Blocks, "Firmware demands memory mapped one to one for the device",
        "A region of type direct (RMRR, IVMD, RMR) must stay mapped all the time, which a user's domain does not promise. VT-d refuses such a device (EPERM), and since Linux 6.6 every IOMMU driver does. Regions of USB and graphics devices are relaxable and do not matter.");

    /// <summary>Firmware wants memory mapped until a driver takes over.</summary>
    public static ReasonKind DirectRelaxableRegion { get; } = new("direct-relaxable-region", "I9", CheckSeverity.Note, "Firmware's memory for the device is given up when it is assigned",
        "A region of type direct-relaxable is mapped one to one for the host's use (a graphics or USB device's) and is an ordinary IOVA range once the device is assigned.");

    /// <summary>Reserved regions are not known.</summary>
    public static ReasonKind ReservedRegionsUnknown { get; } = new("reserved-regions-unknown", "I9", CheckSeverity.Unknown, "The group's reserved regions are not known",
        "A region of type direct would keep the device from being assigned, and where a guest's memory may be follows from the others.");

    /// <summary>The kernel lacks VFIO.</summary>
    public static ReasonKind KernelLacksVfio { get; } = new("kernel-lacks-vfio", "V6", CheckSeverity.Blocks, "The kernel is built without VFIO",
        "Needed are CONFIG_VFIO, CONFIG_VFIO_PCI and either CONFIG_VFIO_IOMMU_TYPE1 or CONFIG_IOMMUFD with CONFIG_VFIO_DEVICE_CDEV.");

    /// <summary>Whether the kernel has VFIO is not known.</summary>
    public static ReasonKind KernelConfigurationUnknown { get; } = new("kernel-configuration-unknown", "V6", CheckSeverity.Unknown, "Whether the kernel has VFIO is not known",
        "Neither a kernel configuration nor a loaded VFIO module was found.");

    /// <summary>It has a host driver.</summary>
    public static ReasonKind OwnDriver { get; } = new("own-driver", "V4", CheckSeverity.Note, "The device has a host driver",
        "It must be bound to vfio-pci first. What the host uses the device for ends then: look at mounts, networks and displays before.");

    /// <summary>It cannot be reset.</summary>
    public static ReasonKind NoReset { get; } = new("no-reset", "V7", CheckSeverity.Note, "The kernel knows no way to reset the device",
        "VFIO hands it over as it was left: state of one owner can reach the next, and some devices work once only.");

    /// <summary>It has neither MSI nor MSI-X.</summary>
    public static ReasonKind NoMsiCapability { get; } = new("no-msi-capability", "M9", CheckSeverity.Note, "The device has neither MSI nor MSI-X",
        "Its only interrupt is its INTx line, which is slower and may be shared. VFIO asks for isolated MSIs all the same.");

    /// <summary>The host allows noiommu.</summary>
    public static ReasonKind NoIommuEnabled { get; } = new("noiommu-enabled", "V4", CheckSeverity.Note, "VFIO's noiommu mode is enabled",
        "vfio.enable_unsafe_noiommu_mode is set: a device without an IOMMU can be opened by a privileged program, and its DMA reaches all memory. Programs that use user memory through an IOMMU (QEMU, cloud-hypervisor) cannot use it.");

    /// <summary>Streams nobody configured pass.</summary>
    public static ReasonKind BypassAllowed { get; } = new("bypass-allowed", "I10", CheckSeverity.Note, "The SMMU lets unknown streams pass",
        "arm-smmu.disable_bypass=0 lets the DMA of devices without a domain reach all memory, instead of a fault. Assigned devices have a domain and are translated.");

    /// <summary>Host devices are not translated.</summary>
    public static ReasonKind IommuPassthrough { get; } = new("iommu-passthrough", "I1", CheckSeverity.Note, "The host's own devices are not translated",
        "iommu=pt (iommu.passthrough=1) gives host drivers untranslated DMA. It changes nothing for an assigned device, which gets a domain of its own.");

    /// <summary>Every one, those that decide first.</summary>
    public static IReadOnlyList<ReasonKind> All { get; } =
    [
        NoIommu, IommuOff, IommuNotEnabled, KernelLacksIommuDriver, NoGroup, MsiNotIsolated, InterruptRemappingOff, NoMsiController, MsiAllControllers,
        GroupNotViable, DirectRegion, KernelLacksVfio,
        GroupsUnknown, IommuUnknown, MsiIsolationUnknown, NeighbourDriverUnknown, GroupHasPlatformDevice, ReservedRegionsUnknown, KernelConfigurationUnknown,
        MsiUnsafeAllowed,
        OwnDriver, GroupHasOthers, DirectRelaxableRegion, NoReset, NoMsiCapability, NoIommuEnabled, BypassAllowed, IommuPassthrough,
    ];
}
