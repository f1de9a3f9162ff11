namespace Doorbell.Iommu;

/// <summary>What a board, or the kernel that runs on it, chooses for a unit. Null: the model's own.</summary>
public sealed record IommuOptions
{
    /// <summary>Bytes in the smallest mapping: 4096, 16384 or 65536.</summary>
    public ulong Granule { get; init; } = 0x1000;

    /// <summary>Bits of IOVA.</summary>
    public int? InputBits { get; init; }

    /// <summary>Bits of the PA it puts out, 32 to 52. A PA beyond them cannot be mapped (ERANGE), and what goes through untranslated is refused there (F_ADDR_SIZE).</summary>
    /// <remarks>
    /// Of the described machine's own addresses, those with a zero top half-word. Client memory is at <c>space &lt;&lt; 48 | vaddr</c>:
    /// that is a place in the host's book-keeping and no address the machine's bus would carry, so these bits do not bound it.
    /// </remarks>
    public int OutputBits { get; init; } = 48;

    /// <summary>SMMUv2: stream mapping register groups, that is how many streams may be attached at a time (SMMU_IDR0.NUMSMRG; the architecture has at most 128).</summary>
    public int StreamMappingGroups { get; init; } = 128;

    /// <summary>SMMUv2: context banks, that is how many domains with tables may have had a stream and not been freed (SMMU_IDR1.NUMCB; the architecture has at most 128).</summary>
    public int ContextBanks { get; init; } = 128;

    /// <summary>SMMUv2: bits of a StreamID that no match looks at (the devicetree's stream-match-mask, SMR.MASK): streams that differ in them only are one.</summary>
    public uint StreamMatchMask { get; init; }

    /// <summary>Bits of StreamID; a stream above them is a bad one.</summary>
    public int? StreamIdBits { get; init; }

    /// <summary>What a stream sees while it is attached to nothing: Blocked, or Identity where the firmware leaves the unit in bypass.</summary>
    public IommuDomainType UnattachedStreams { get; init; } = IommuDomainType.Blocked;

    /// <summary>Whether a unit that can remap interrupts does (x86 only, I2).</summary>
    public bool InterruptRemapping { get; init; } = true;

    /// <summary>The unit's reserved regions in place of the model's: <see cref="ReservedRegion.DefaultSoftwareMsi"/> for SMMUs, the hardware's for x86.</summary>
    public IReadOnlyList<ReservedRegion>? ReservedRegions { get; init; }

    /// <summary>Ranges in which a device's writes are taken as interrupts before they see the tables, though the model translates them (I1): HiSilicon's SMMUs. Null: the model's own.</summary>
    public IReadOnlyList<ReservedRegion>? HardwareMsi { get; init; }

    /// <summary>Most tables a domain may use before a map is refused with ENOMEM.</summary>
    public int TableLimit { get; init; } = int.MaxValue;
}
