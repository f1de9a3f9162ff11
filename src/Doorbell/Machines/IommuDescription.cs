using Doorbell.Iommu;

namespace Doorbell.Machines;

/// <summary>An IOMMU of the machine: what a PCI host's iommu-map names.</summary>
public sealed record IommuDescription
{
    /// <summary>Unique in the machine.</summary>
    public required string Name { get; init; }

    /// <summary>The architecture it follows.</summary>
    public required SmmuModel Model { get; init; }

    /// <summary>The implementation, where it matters to a reader: <c>mmu-401</c>. Null where the machine does not say.</summary>
    public string? Product { get; init; }

    /// <summary>Its registers.</summary>
    public required MemoryRange Registers { get; init; }

    /// <summary>Translation granules it can walk, in bytes, ascending: of 4 KiB, 16 KiB and 64 KiB.</summary>
    public required IReadOnlyList<ulong> Granules { get; init; }

    /// <summary>Bits of an IOVA, 32 to 52.</summary>
    public required int InputBits { get; init; }

    /// <summary>Bits of the PA it puts out, 32 to 52. Described, not enforced.</summary>
    public int OutputBits { get; init; } = 48;

    /// <summary>Where doorbells get their IOVAs (I9): of type <see cref="ReservedRegionType.SoftwareMsi"/>.</summary>
    public ReservedRegion MsiWindow { get; init; } = ReservedRegion.DefaultSoftwareMsi;

    /// <summary>What the engine builds for it.</summary>
    public IommuModel GetEngineModel() => (Model, Product) switch
    {
        (SmmuModel.SmmuV3, _) => IommuModel.SmmuV3,
        (SmmuModel.SmmuV2, "mmu-401") => IommuModel.Mmu401,
        (SmmuModel.SmmuV2, "mmu-500") => IommuModel.Mmu500,
        _ => IommuModel.SmmuV2,
    };
}
