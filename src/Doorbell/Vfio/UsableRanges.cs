using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>Where user mappings may go, from the aperture and the reserved regions (I9, N5).</summary>
internal static class UsableRanges
{
    /// <summary>The aperture with the regions cut out, in order.</summary>
    public static List<IovaRange> Compute(Iova apertureEnd, IEnumerable<ReservedRegion> reserved)
    {
        List<IovaRange> ranges = [new(default, apertureEnd)];
        foreach (ReservedRegion region in reserved)
        {
            List<IovaRange> next = [];
            foreach (IovaRange range in ranges)
            {
                if (region.Last < range.First || region.Base > range.Last)
                {
                    next.Add(range);
                    continue;
                }

                if (region.Base > range.First)
                {
                    next.Add(new IovaRange(range.First, new Iova(region.Base.Value - 1)));
                }

                if (region.Last < range.Last)
                {
                    next.Add(new IovaRange(region.Last + 1, range.Last));
                }
            }

            ranges = next;
        }

        return ranges;
    }
}
