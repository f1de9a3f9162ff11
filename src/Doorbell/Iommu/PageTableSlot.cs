namespace Doorbell.Iommu;

/// <summary>
/// One entry of a table above the page level: nothing, a block, or the table below. Entry and Child are never both set, and
/// between the two there is a time with neither: a reader that finds no Child and then no Entry saw what was true at that time.
/// </summary>
internal struct PageTableSlot
{
    /// <summary>The table below: PageTableSlot[], or ulong[] at the page level.</summary>
    public object? Child;

    /// <summary>A block's descriptor; 0 when there is none.</summary>
    public ulong Entry;
}
