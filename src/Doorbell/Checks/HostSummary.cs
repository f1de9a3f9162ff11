using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Checks;

/// <summary>The host in a line.</summary>
public sealed record HostSummary
{
    /// <summary>What a person calls it.</summary>
    public required string Name { get; init; }

    /// <summary>Its instruction set; null where not known.</summary>
    public MachineArchitecture? Architecture { get; init; }

    /// <summary>Its kernel's release; null where not known, or where there is none.</summary>
    public string? KernelRelease { get; init; }

    /// <summary>True where a running kernel was asked.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Its IOMMUs: <c>smmu (SMMUv3)</c>. Empty where there is none; null where not known.</summary>
    public IReadOnlyList<string>? Iommus { get; init; }

    /// <summary>What takes MSIs: <c>its (GICv3 ITS)</c>.</summary>
    public IReadOnlyList<string> Controllers { get; init; } = [];

    /// <summary>Whether MSIs are isolated: of every function, of none; null where not known or not the same everywhere.</summary>
    public bool? IsIsolated { get; init; }

    /// <summary>Windows for doorbells, and ranges where hardware takes MSIs.</summary>
    public IReadOnlyList<ReservedRegion> Windows { get; init; } = [];
}
