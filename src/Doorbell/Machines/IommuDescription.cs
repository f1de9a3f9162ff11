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

    /// <summary>Bits of the PA it puts out, 32 to 52.</summary>
    public required int OutputBits { get; init; }

    /// <summary>Where doorbells get their IOVAs (I9): of type <see cref="ReservedRegionType.SoftwareMsi"/>.</summary>
    public ReservedRegion MsiWindow { get; init; } = ReservedRegion.DefaultSoftwareMsi;

    /// <summary>Last IOVA a domain can map, inclusive.</summary>
    public Iova ApertureEnd => new((1UL << InputBits) - 1);

    /// <summary>Block sizes a domain has, bit n for 2^n bytes: the granule's page and the blocks of the levels above (VMSAv8-64, D8.2). Zero where the IOMMU lacks the granule.</summary>
    public ulong BlockSizes(ulong granule) => !Granules.Contains(granule) ? 0 : granule switch
    {
        0x1000 => 0x1000UL | 0x20_0000 | 0x4000_0000,
        0x4000 => 0x4000UL | 0x200_0000,
        0x1_0000 => 0x1_0000UL | 0x2000_0000,
        _ => 0,
    };
}
