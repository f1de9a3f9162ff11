namespace Doorbell.Iommu;

/// <summary>
/// One entry of a table above the page level: nothing, a block, or the table below. A valid descriptor and a Child are never both
/// there, and between the two there is a time with neither: a reader that finds no Child and then no valid Entry saw what was true at that time.
/// </summary>
internal struct PageTableSlot
{
    /// <summary>The table below: PageTableSlot[], or ulong[] at the page level.</summary>
    public object? Child;

    /// <summary>A block's descriptor; while there is a Child, how many of its entries are in use, times <see cref="One"/>, so that bit 0 (valid) is clear; else 0.</summary>
    public ulong Entry;

    /// <summary>An entry in use, in the count of the table it is in.</summary>
    public const ulong One = 2;
}
