namespace Doorbell.Iommu;

/// <summary>What a board, or the kernel that runs on it, chooses for a unit. Null: the model's own.</summary>
public sealed record IommuOptions
{
    /// <summary>Bytes in the smallest mapping: 4096, 16384 or 65536.</summary>
    public ulong Granule { get; init; } = 0x1000;

    /// <summary>Bits of IOVA.</summary>
    public int? InputBits { get; init; }

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
