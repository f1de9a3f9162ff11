namespace Doorbell.Iommu;

/// <summary>Why a range of IOVAs is not the user's (I9).</summary>
public enum ReservedRegionType
{
    /// <summary>Mapped one to one for firmware (RMRR): printed <c>direct</c>.</summary>
    Direct,

    /// <summary>Not to be used at all: printed <c>reserved</c>.</summary>
    Reserved,

    /// <summary>Hardware treats writes there as MSIs (x86): printed <c>msi</c>.</summary>
    Msi,

    /// <summary>Chosen by software for doorbells (ARM): printed <c>msi</c> in sysfs, as the kernel does.</summary>
    SoftwareMsi,

    /// <summary>Mapped one to one while the kernel has the device, and the user's when it has not (the RMRR of a graphics or USB device, linux/iommu.h): printed <c>direct-relaxable</c>.</summary>
    DirectRelaxable,
}

/// <summary>A range of IOVAs a device's domain keeps from the user (I9).</summary>
/// <param name="Base">First IOVA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Type">Why.</param>
public readonly record struct ReservedRegion(Iova Base, ulong Size, ReservedRegionType Type)
{
    /// <summary>mainline's software window: 0x0800_0000 + 1 MiB (drivers/iommu, MSI_IOVA_BASE and MSI_IOVA_LENGTH).</summary>
    public static ReservedRegion DefaultSoftwareMsi => new(new Iova(0x0800_0000), 0x10_0000, ReservedRegionType.SoftwareMsi);

    /// <summary>Last IOVA, inclusive.</summary>
    public Iova Last => Base + (Size - 1);

    /// <summary>
    /// The regions of all devices of a group as one list, in order: none of them is forgotten (only the first device's were, once), and
    /// those of one type that overlap or touch are one (iommu_get_group_resv_regions).
    /// </summary>
    public static IReadOnlyList<ReservedRegion> Merge(IEnumerable<ReservedRegion> regions)
    {
        List<ReservedRegion> merged = [];
        foreach (IGrouping<ReservedRegionType, ReservedRegion> type in regions.GroupBy(static region => region.Type))
        {
            int first = merged.Count;
            foreach (ReservedRegion region in type.OrderBy(static region => region.Base))
            {
                if (merged.Count > first && (region.Base <= merged[^1].Last || region.Base.Value == merged[^1].Last.Value + 1))
                {
                    ReservedRegion before = merged[^1];
                    ulong last = Math.Max(before.Last.Value, region.Last.Value);
                    merged[^1] = before with { Size = last - before.Base.Value + 1 };
                }
                else
                {
                    merged.Add(region);
                }
            }
        }

        return [.. merged.OrderBy(static region => region.Base).ThenBy(static region => region.Type)];
    }
}
