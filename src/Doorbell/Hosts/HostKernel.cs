namespace Doorbell.Hosts;

/// <summary>What a host's kernel says of itself; everything is null where it is not known.</summary>
public sealed record HostKernel
{
    /// <summary>Its release: <c>6.1.0-40-arm64</c>.</summary>
    public string? Release { get; init; }

    /// <summary>Its command line.</summary>
    public string? CommandLine { get; init; }

    /// <summary>Kernel configuration: <c>CONFIG_…</c> to <c>y</c>, <c>m</c> or a value; what is not set is not there. Null where no configuration could be read.</summary>
    public IReadOnlyDictionary<string, string>? Configuration { get; init; }

    /// <summary>Where the configuration was read.</summary>
    public Evidence? ConfigurationEvidence { get; init; }

    /// <summary>Parameters of loaded modules, <c>vfio_iommu_type1.allow_unsafe_interrupts</c> to <c>Y</c>.</summary>
    public IReadOnlyDictionary<string, string> ModuleParameters { get; init; } = new Dictionary<string, string>();

    /// <summary>Modules that are loaded (<c>/proc/modules</c>); what is built in is not among them. Null where not known.</summary>
    public IReadOnlyList<string>? Modules { get; init; }

    /// <summary>Base page size in bytes.</summary>
    public ulong? PageSize { get; init; }

    /// <summary>Names of IOMMUs the kernel runs (<c>/sys/class/iommu</c>): <c>dmar0</c>, <c>ivhd0</c>, <c>smmu3.0x0000000009050000</c>. Null where not known.</summary>
    public IReadOnlyList<string>? Iommus { get; init; }

    /// <summary>Domains of <c>/sys/kernel/debug/irq/domains</c>, name to text. Null where it could not be read.</summary>
    public IReadOnlyDictionary<string, string>? IrqDomains { get; init; }

    /// <summary>
    /// Interrupt chips of <c>/proc/interrupts</c>, each once: <c>ITS-PCI-MSIX-0000:00:05.0</c>, <c>IR-PCI-MSI</c>, <c>GICv3</c>. What MSIs that are in use go
    /// through, which anybody may read. Null where not known.
    /// </summary>
    public IReadOnlyList<string>? InterruptChips { get; init; }

    /// <summary>Ranges of <c>/proc/iomem</c>; null where it could not be read or shows zeros (without root).</summary>
    public IReadOnlyList<HostIoMemory>? IoMemory { get; init; }
}
