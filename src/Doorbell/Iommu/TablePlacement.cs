using System.Runtime.InteropServices;

namespace Doorbell.Iommu;

/// <summary>iommufd's form (I9): the place the context's table gives the doorbell, the same in each of its domains.</summary>
internal sealed class TablePlacement(SoftwareMsiTable table, Iova start, ulong size, int order) : DoorbellPlacement
{
    // How many hold a place: two racing gets of one doorbell both do, until one of them has bound it (I6).
    private readonly Dictionary<(Iova Iova, ulong Granules), int> _taken = [];

    public override bool IsShared => true;

    public override long UsedGranules => _taken.Keys.Sum(static place => (long)place.Granules);

    public override int IndexOf(Iova iova) => IndexFrom(start, iova, order);

    public override Result<Iova> Take(PhysicalAddress page, ulong granules)
    {
        Result<ulong> offset = table.GetOffset(start, size, page, granules << order, 1UL << order);
        if (!offset.IsOk)
        {
            return offset.WithoutValue;
        }

        Iova iova = start + offset.Value;
        CollectionsMarshal.GetValueRefOrAddDefault(_taken, (iova, granules), out _)++;
        return iova;
    }

    // The place stays the doorbell's in the table; only this domain uses it no more.
    public override void Give(Iova iova, ulong granules)
    {
        if (--CollectionsMarshal.GetValueRefOrNullRef(_taken, (iova, granules)) == 0)
        {
            _taken.Remove((iova, granules));
        }
    }
}
