using Doorbell.Iommu;

namespace Doorbell.Tests.Iommu;

/// <summary>What a translation table does, said in the simplest way: a list of blocks, searched from end to end.</summary>
internal sealed class PageTableModel(PageTableFormat format)
{
    public readonly record struct Block(ulong Iova, ulong Size, ulong Pa, IommuProtection Protection);

    private readonly ulong[] _sizes = [.. Enumerable.Range(0, 64).Select(bit => 1UL << bit).Where(size => (format.PageSizes & size) != 0).OrderDescending()];

    public List<Block> Blocks { get; } = [];

    public ulong MappedBytes => Blocks.Aggregate(0UL, (sum, block) => sum + block.Size);

    public Errno Map(ulong iova, ulong pa, ulong size, IommuProtection protection)
    {
        UInt128 end = (UInt128)iova + size;
        if (size == 0 || iova % format.Granule != 0 || pa % format.Granule != 0 || size % format.Granule != 0 || end > format.LastInput + (UInt128)1)
        {
            return Errno.EINVAL;
        }

        if (Blocks.Exists(block => block.Iova < end && iova < (UInt128)block.Iova + block.Size))
        {
            return Errno.EEXIST;
        }

        while (size > 0)
        {
            ulong step = Array.Find(_sizes, candidate => candidate <= size && iova % candidate == 0 && pa % candidate == 0);
            Blocks.Add(new Block(iova, step, pa, protection));
            iova += step;
            pa += step;
            size -= step;
        }

        return Errno.None;
    }

    public ulong Unmap(ulong iova, ulong size)
    {
        ulong gone = 0;
        Blocks.RemoveAll(block =>
        {
            bool inside = block.Iova >= iova && (UInt128)block.Iova + block.Size <= (UInt128)iova + size;
            gone += inside ? block.Size : 0;
            return inside;
        });
        return gone;
    }

    public ulong? Translate(ulong iova, IommuProtection access)
    {
        foreach (Block block in Blocks)
        {
            if (iova - block.Iova < block.Size && iova >= block.Iova)
            {
                return (access & ~block.Protection) == 0 ? block.Pa + (iova - block.Iova) : null;
            }
        }

        return null;
    }
}
