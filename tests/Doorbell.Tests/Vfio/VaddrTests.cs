using Doorbell.Devices;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>VFIO_UPDATE_VADDR: mappings outlive the addresses their memory had.</summary>
public class VaddrTests
{
    private const ulong Page = 0x1000;

    [Fact]
    public void After_an_update_DMA_reaches_the_memory_at_its_new_address()
    {
        Board board = new Board().Assign().Map(0, Page).Map(0x10000, Page, offset: 0x10000);
        board.EnableBusMaster();
        board.Client.Bytes[0x2_0000] = 0x5a;
        Assert.Equal(Page, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, default, Page)));
        Board.Ok(board.Container.MapDma(VfioMapFlags.Vaddr, Board.Memory + 0x2_0000, default, Page, board.Client));
        Assert.Equal(PciTestDevice.CopyStatus.Done, board.Copy(0, 0x10000, 16));
        Assert.Equal(0x5a, board.Client.Bytes[0x1_0000]);
        Assert.Equal(2 * Page, board.Client.Pinned);
        Assert.Equal(2, board.Container.MappingCount);
    }

    [Fact]
    public void Only_a_whole_mapping_whose_address_is_invalid_can_be_updated()
    {
        Board board = new Board().Assign().Map(0, 2 * Page);
        Assert.Equal(Errno.EINVAL, Update(board, 0, 2 * Page).Errno);
        Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, default, 2 * Page));
        Assert.Equal(Errno.EINVAL, Update(board, 0, Page).Errno);
        Assert.Equal(Errno.ENOENT, Update(board, 0x8000, Page).Errno);
        Board.Ok(Update(board, 0, 2 * Page));
        Assert.Equal(Errno.EINVAL, Update(board, 0, 2 * Page).Errno);
    }

    [Fact]
    public void Invalidating_is_all_or_nothing_and_ALL_means_every_mapping()
    {
        Board board = new Board().Assign().Map(0, Page).Map(0x2000, Page);
        Assert.Equal(Page, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, default, Page)));
        Assert.Equal(Errno.EINVAL, board.Container.UnmapDma(VfioUnmapFlags.Vaddr | VfioUnmapFlags.All, default, 0).Errno);

        // The other one was left alone: it can be invalidated still.
        Assert.Equal(Page, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, new Iova(0x2000), Page)));
    }

    [Fact]
    public void No_group_joins_while_an_address_is_invalid_and_unmapping_ends_that_too()
    {
        Board board = new Board("virt-gicv3", false, "0000:01:00.0", "0000:00:03.0").Assign().Map(0, Page);
        Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, default, Page));
        VfioGroup other = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:00:03.0").Id));
        Assert.Equal(Errno.EBUSY, other.SetContainer(board.Container).Errno);
        Assert.Equal(Page, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.None, default, Page)));
        Board.Ok(other.SetContainer(board.Container));
    }

    private static Result Update(Board board, ulong iova, ulong size) =>
        board.Container.MapDma(VfioMapFlags.Vaddr, Board.Memory, new Iova(iova), size, board.Client);
}
