namespace Doorbell.Vfio;

/// <summary>What the user must register a window for (V2): VFIO_IOMMU_INFO_REQUIRE_MSI_MAP and msi_iova_pages of the series.</summary>
/// <param name="Pages">IOVA pages asked for: one for each doorbell page the container's devices can write to, 1 or more.</param>
/// <param name="PageSize">Bytes in one of them: the smallest of iova_pgsizes. The window is aligned to it.</param>
public readonly record struct MsiRequirement(uint Pages, ulong PageSize)
{
    /// <summary>Bytes the window needs (later revisions gave this and the alignment as a capability).</summary>
    public ulong Size => Pages * PageSize;
}
