namespace Doorbell.Hosts;

/// <summary>Where a Linux host keeps what is read of it.</summary>
public static class HostPaths
{
    /// <summary>A link a PCI function.</summary>
    public const string PciDevices = "/sys/bus/pci/devices";

    /// <summary>A directory an IOMMU group.</summary>
    public const string IommuGroups = "/sys/kernel/iommu_groups";

    /// <summary>A link an IOMMU.</summary>
    public const string Iommus = "/sys/class/iommu";

    /// <summary>Where debugfs is.</summary>
    public const string Debug = "/sys/kernel/debug";

    /// <summary>A file an interrupt domain.</summary>
    public const string IrqDomains = Debug + "/irq/domains";

    /// <summary>The firmware's device tree, flattened.</summary>
    public const string DeviceTree = "/sys/firmware/fdt";

    /// <summary>A file an ACPI table.</summary>
    public const string AcpiTables = "/sys/firmware/acpi/tables";

    /// <summary>The kernel's command line.</summary>
    public const string CommandLine = "/proc/cmdline";

    /// <summary>The map of physical addresses.</summary>
    public const string IoMemory = "/proc/iomem";

    /// <summary>Release, compiler and date of the kernel.</summary>
    public const string Version = "/proc/version";

    /// <summary>The kernel's release.</summary>
    public const string Release = "/proc/sys/kernel/osrelease";

    /// <summary>The instruction set, from Linux 6.1 on.</summary>
    public const string Architecture = "/proc/sys/kernel/arch";

    /// <summary>There on arm64 only.</summary>
    public const string ArmIdentification = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1";

    /// <summary>What interrupts in use go through.</summary>
    public const string Interrupts = "/proc/interrupts";

    /// <summary>Modules that are loaded.</summary>
    public const string Modules = "/proc/modules";

    /// <summary>What the kernel tells a program at its start: the page size is in it.</summary>
    public const string AuxiliaryVector = "/proc/self/auxv";

    /// <summary>The kernel's configuration, gzip.</summary>
    public const string PackedConfiguration = "/proc/config.gz";

    /// <summary>The kernel's configuration as distributions install it; the release follows.</summary>
    public const string BootConfiguration = "/boot/config-";

    /// <summary>Modules whose parameters count.</summary>
    public static IReadOnlyList<string> ModulesWithParameters { get; } = ["vfio", "vfio_iommu_type1", "vfio_pci", "vfio_pci_core", "iommufd"];

    /// <summary>ACPI tables that count, as the first characters of their file's name; further ones of a name have a number after it.</summary>
    public static IReadOnlyList<string> AcpiTableNames { get; } = ["APIC", "DMAR", "IORT", "IVRS", "MCFG", "VIOT"];

    /// <summary>Files of a PCI function that count.</summary>
    public static IReadOnlyList<string> FunctionFiles { get; } = ["class", "config", "device", "numa_node", "reset_method", "resource", "vendor"];

    /// <summary>Links of a PCI function that count.</summary>
    public static IReadOnlyList<string> FunctionLinks { get; } = ["driver", "iommu_group"];

    /// <summary>Files of an IOMMU group that count.</summary>
    public static IReadOnlyList<string> GroupFiles { get; } = ["name", "reserved_regions", "type"];
}
