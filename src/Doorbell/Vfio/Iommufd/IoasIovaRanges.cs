namespace Doorbell.Vfio.Iommufd;

/// <summary>What IOMMU_IOAS_IOVA_RANGES says: where user mappings may go (V2's question, asked of an IOAS).</summary>
/// <param name="Ranges">The ranges, rising: what no device and no aperture reserves. IOMMU_IOAS_ALLOW_IOVAS does not narrow them.</param>
/// <param name="Alignment">out_iova_alignment, bytes: 1 until a device is attached.</param>
public sealed record IoasIovaRanges(IReadOnlyList<IovaRange> Ranges, ulong Alignment)
{
    /// <summary>Whether a caller's array of that many entries holds them; EMSGSIZE where not, with their number still to be told.</summary>
    public Result CheckRoom(uint entries) => (uint)Ranges.Count <= entries
        ? Result.Ok
        : Result.Fail(Errno.EMSGSIZE, $"there are {Ranges.Count} ranges and room for {entries}; ask again with more");
}
