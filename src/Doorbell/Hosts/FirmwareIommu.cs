using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>An IOMMU that firmware describes.</summary>
public sealed record FirmwareIommu
{
    /// <summary>Unique in its source: <c>smmu@9050000</c>, <c>SMMUv3 at 0x9050000</c>, <c>DRHD at 0xfed90000</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The architecture it follows.</summary>
    public required SmmuModel Model { get; init; }

    /// <summary>The implementation where the source names one (<c>mmu-500</c>, <c>Cavium ThunderX2</c>); errata are looked up by it.</summary>
    public string? Product { get; init; }

    /// <summary>Base of its registers.</summary>
    public ulong Base { get; init; }

    /// <summary>Interrupt remapping: what firmware says of it (x86: DMAR's INTR_REMAP flag, IVRS's IOMMU); null where it does not apply (Arm, I2) or is not said.</summary>
    public bool? InterruptRemapping { get; init; }

    /// <summary>Where a machine's description says so: the reserved regions of its devices; null otherwise (then they are the architecture's).</summary>
    public IReadOnlyList<ReservedRegion>? ReservedRegions { get; init; }

    /// <summary>Bits of an IOVA, where the source says so.</summary>
    public int? InputBits { get; init; }

    /// <summary>Where it was read.</summary>
    public required Evidence Evidence { get; init; }
}
