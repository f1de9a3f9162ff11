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
}
