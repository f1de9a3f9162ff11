namespace Doorbell.Iommu;

/// <summary>
/// One entry of a table above the page level: nothing, a block, or the table below. Entry and Child are never both set,
/// so a reader that sees a mixture of before and after sees "nothing", which was true in between.
/// </summary>
internal struct PageTableSlot
{
    /// <summary>The table below: PageTableSlot[], or ulong[] at the page level.</summary>
    public object? Child;

    /// <summary>A block's descriptor; 0 when there is none.</summary>
    public ulong Entry;
}
