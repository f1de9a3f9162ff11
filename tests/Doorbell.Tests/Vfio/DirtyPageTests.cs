using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>VFIO_IOMMU_DIRTY_PAGES and unmapping with a bitmap: no IOMMU here tells what a device wrote, so every mapped page is dirty.</summary>
public class DirtyPageTests
{
    private const ulong Page = 0x1000;

    [Fact]
    public void Every_mapped_page_of_the_range_is_dirty_and_what_is_not_mapped_is_not()
    {
        Board board = new Board().Assign().Map(0, 2 * Page).Map(0x4000, Page);
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        VfioDirtyBitmap bitmap = new(Page, 8);
        Board.Ok(board.Container.GetDirtyPages(default, 0x10000, bitmap));
        Assert.Equal([new IovaRange(new Iova(0), new Iova(0x1fff)), new IovaRange(new Iova(0x4000), new Iova(0x4fff))], bitmap.Ranges);
    }

    [Fact]
    public void Unmapping_with_a_bitmap_says_what_was_dirty_of_what_went()
    {
        Board board = new Board().Assign().Map(0, 2 * Page).Map(0x4000, Page);
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        VfioDirtyBitmap bitmap = new(Page, 8);
        Assert.Equal(3 * Page, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.GetDirtyBitmap, default, 0x5000, bitmap)));
        Assert.Equal(2, bitmap.Ranges.Count);
        Assert.Equal(0, board.Container.MappingCount);
    }

    [Theory]
    [InlineData(0x800, 8, 0, 0x2000)] // a page size that is not the smallest
    [InlineData(0x1000, 7, 0, 0x2000)] // less than a word
    [InlineData(0x1000, 8, 0, 0)]
    [InlineData(0x1000, 8, 0x800, 0x1000)]
    [InlineData(0x1000, 8, 0, 0x1000)] // half of a mapping
    [InlineData(0x1000, 8, 0x1000, 0x1000)]
    public void A_bitmap_or_a_range_that_does_not_fit_is_EINVAL(ulong pageSize, ulong bytes, ulong iova, ulong size)
    {
        Board board = new Board().Assign().Map(0, 2 * Page);
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        VfioDirtyBitmap bitmap = new(pageSize, bytes);
        Assert.Equal(Errno.EINVAL, board.Container.GetDirtyPages(new Iova(iova), size, bitmap).Errno);
        Assert.Empty(bitmap.Ranges);
    }

    [Fact]
    public void Nothing_is_told_before_tracking_starts_and_after_it_stops()
    {
        Board board = new Board().Assign().Map(0, Page);
        Assert.Equal(Errno.EINVAL, board.Container.GetDirtyPages(default, Page, new VfioDirtyBitmap(Page, 8)).Errno);
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Stop));
        Assert.Equal(Errno.EINVAL, board.Container.UnmapDma(VfioUnmapFlags.GetDirtyBitmap, default, Page, new VfioDirtyBitmap(Page, 8)).Errno);
        Assert.Equal(1, board.Container.MappingCount);
    }

    [Fact]
    public void What_cannot_be_told_stays_mapped_and_what_was_told_before_is_gone()
    {
        Board board = new Board().Assign().Map(0, 2 * Page).Map(0x4000, Page).Map(0x8000, Page);
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        VfioDirtyBitmap bitmap = new(Page, 8, static range => range.First != new Iova(0x4000));
        Assert.Equal(Errno.EFAULT, board.Container.UnmapDma(VfioUnmapFlags.GetDirtyBitmap, default, 0x9000, bitmap).Errno);
        Assert.Equal(2, board.Container.MappingCount);
        Assert.Equal(2 * Page, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.All, default, 0)));
    }

    [Fact]
    public void A_range_that_wraps_is_EOVERFLOW_before_tracking_is_asked_about_and_after_the_bitmaps_size()
    {
        Board board = new Board().Assign();
        const ulong End = 0xffff_ffff_ffff_f000;
        Assert.Equal(Errno.EINVAL, board.Container.UnmapDma(VfioUnmapFlags.GetDirtyBitmap, new Iova(End), 2 * Page, new VfioDirtyBitmap(Page, 7)).Errno);
        Assert.Equal(Errno.EOVERFLOW, board.Container.UnmapDma(VfioUnmapFlags.GetDirtyBitmap, new Iova(End), 2 * Page, new VfioDirtyBitmap(Page, 8)).Errno);
        Assert.Equal(Errno.EOVERFLOW, board.Container.GetDirtyPages(new Iova(End), 2 * Page, new VfioDirtyBitmap(Page, 7)).Errno);
        Assert.Equal(Errno.EINVAL, board.Container.GetDirtyPages(new Iova(End), 0, new VfioDirtyBitmap(Page, 8)).Errno);
    }

    [Fact]
    public void A_mapping_of_more_pages_than_a_bitmap_tells_of_cannot_be_tracked()
    {
        const ulong Limit = int.MaxValue * Page;
        Board board = new Board().Assign();
        BoundlessMemory memory = new(); // as far from a GiB boundary as its IOVA, so that blocks of 1 GiB map it
        Board.Ok(board.Container.MapDma(VfioMapFlags.Read, 0x1_0000_0000, new Iova(0x1_0000_0000), Limit + Page, memory));
        Assert.Equal(Errno.EINVAL, board.Container.ControlDirtyPages(VfioDirtyFlags.Start).Errno);
        Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.All, default, 0));

        Board.Ok(board.Container.MapDma(VfioMapFlags.Read, 0x1_0000_0000, new Iova(0x1_0000_0000), Limit, memory));
        Board.Ok(board.Container.ControlDirtyPages(VfioDirtyFlags.Start));
        Assert.Equal(Errno.EINVAL, board.Container.MapDma(VfioMapFlags.Read, 0x1_0000_0000, new Iova(0x1000_0000_0000), Limit + Page, memory).Errno);
        Assert.Equal(1, board.Container.MappingCount);
        VfioDirtyBitmap bitmap = new(Page, Type1Info.MaxDirtyBitmapBytes);
        Board.Ok(board.Container.GetDirtyPages(new Iova(0x1_0000_0000), Limit, bitmap));
        Assert.Single(bitmap.Ranges);
    }

    private sealed class BoundlessMemory : IClientAddressSpace
    {
        public Errno Pin(ulong address, ulong size, bool write) => Errno.None;

        public void Unpin(ulong address, ulong size)
        {
        }

        public bool TryRead(ulong address, Span<byte> destination) => true;

        public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => true;
    }
}
