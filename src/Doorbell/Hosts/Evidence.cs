namespace Doorbell.Hosts;

/// <summary>Where a fact was read.</summary>
/// <param name="File">The file, as it is named on the host: <c>/sys/kernel/iommu_groups/3/reserved_regions</c>; a device tree's or machine's own path where that was given.</param>
/// <param name="Place">Where in it: <c>line 3</c>, <c>offset 0x58</c>, <c>/pcie@10000000</c>; empty where the whole file says it.</param>
public sealed record Evidence(string File, string Place = "")
{
    /// <inheritdoc/>
    public override string ToString() => Place.Length == 0 ? File : $"{File}, {Place}";
}
