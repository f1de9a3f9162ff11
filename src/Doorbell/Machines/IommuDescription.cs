using Doorbell.Iommu;

namespace Doorbell.Machines;

/// <summary>An IOMMU of the machine: what a PCI host's iommu-map names.</summary>
public sealed record IommuDescription
{
    // Addresses that the AMD IOMMU treats specially (AMD I/O Virtualization Technology, 2.1.4.2; Linux, HT_RANGE_START to HT_RANGE_END).
    private static readonly ReservedRegion HyperTransport = new(new Iova(0xfd_0000_0000), 0x3_0000_0000, ReservedRegionType.Reserved);

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

    /// <summary>Bits of the PA it puts out, 32 to 52: <see cref="IommuOptions.OutputBits"/>.</summary>
    public int OutputBits { get; init; } = 48;

    /// <summary>Bits of a StreamID where the board's unit has others than its architecture's usual; null where it has not.</summary>
    public int? StreamIdBits { get; init; }

    /// <summary>Where doorbells get their IOVAs (I9): of type <see cref="ReservedRegionType.SoftwareMsi"/>.</summary>
    public ReservedRegion MsiWindow { get; init; } = ReservedRegion.DefaultSoftwareMsi;

    /// <summary>Ranges in which hardware takes a device's writes as interrupts before they see the tables (I9, of type <see cref="ReservedRegionType.Msi"/>): then there is no window. Those of x86 are the model's and not listed.</summary>
    public IReadOnlyList<ReservedRegion> HardwareMsi { get; init; } = [];

    /// <summary>Interrupt remapping is on (I2; x86 only).</summary>
    public bool InterruptRemapping { get; init; }

    /// <summary>True of VT-d and AMD-Vi.</summary>
    public bool IsX86 => Model is SmmuModel.VtD or SmmuModel.AmdVi;

    /// <summary>Its reserved regions: the window, or what hardware takes out.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions => Model switch
    {
        SmmuModel.VtD => [IommuModel.VtD.HardwareMsi!.Value],
        SmmuModel.AmdVi => [IommuModel.AmdVi.HardwareMsi!.Value, HyperTransport],
        _ => HardwareMsi.Count > 0 ? HardwareMsi : [MsiWindow],
    };

    /// <summary>What the engine builds for it.</summary>
    public IommuModel GetEngineModel() => (Model, Product) switch
    {
        (SmmuModel.SmmuV3, _) => IommuModel.SmmuV3,
        (SmmuModel.VtD, _) => IommuModel.VtD,
        (SmmuModel.AmdVi, _) => IommuModel.AmdVi,
        (SmmuModel.SmmuV2, "mmu-401") => IommuModel.Mmu401,
        (SmmuModel.SmmuV2, "mmu-500") => IommuModel.Mmu500,
        _ => IommuModel.SmmuV2,
    };
}
