using Doorbell.Devices;
using Doorbell.Iommu;
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

    [Fact]
    public void An_update_takes_the_clients_word_for_what_is_there()
    {
        Board board = new Board().Assign().Map(0, Page);
        Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, default, Page));
        Board.Ok(board.Container.MapDma(VfioMapFlags.Vaddr, 0x1000, default, Page, board.Client));
        Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.None, default, Page));
        Assert.Equal(0ul, board.Client.Pinned);
    }

    [Fact]
    public void While_an_address_is_updated_a_device_finds_the_old_memory_or_the_new_and_never_none()
    {
        // Blocks of 2 MiB. The new place is not aligned, so that they become pages under the reader's eyes.
        const ulong Size = 4ul << 20, Old = 0x2000_0000, New = 0x3000_1000;
        Board board = new Board().Assign();
        AnyMemory memory = new();
        for (int round = 0; round < 20; round++)
        {
            Board.Ok(board.Container.MapDma(VfioMapFlags.Read, Old, new Iova(Size), Size, memory));
            bool stop = false;
            long faults = 0, elsewhere = 0, reads = 0;
            Thread reader = new(() =>
            {
                for (ulong at = 0; !Volatile.Read(ref stop); at = (at + 0x3000) & (Size - 1))
                {
                    bool found = board.Domain.TryTranslate(new Iova(Size + at), IommuProtection.Read, out PhysicalAddress pa);
                    ulong place = pa.Value & 0xffff_ffff_ffff;
                    faults += found ? 0 : 1;
                    elsewhere += !found || place == Old + at || place == New + at ? 0 : 1;
                    Volatile.Write(ref reads, reads + 1);
                }
            });
            reader.Start();
            SpinWait.SpinUntil(() => Volatile.Read(ref reads) > 0);
            foreach (ulong place in new[] { New, Old, New })
            {
                Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.Vaddr, new Iova(Size), Size));
                Board.Ok(board.Container.MapDma(VfioMapFlags.Vaddr, place, new Iova(Size), Size, memory));
            }

            Volatile.Write(ref stop, true);
            reader.Join();
            Assert.Equal((0L, 0L), (faults, elsewhere));
            Assert.True(board.Domain.TryTranslate(new Iova(Size + 0x1234), IommuProtection.Read, out PhysicalAddress last));
            Assert.Equal(New + 0x1234, last.Value & 0xffff_ffff_ffff);
            Assert.Equal(Size, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(Size), Size)));
            Assert.True(board.Domain.IsEmpty);
        }
    }

    private static Result Update(Board board, ulong iova, ulong size) =>
        board.Container.MapDma(VfioMapFlags.Vaddr, Board.Memory, new Iova(iova), size, board.Client);

    private sealed class AnyMemory : IClientAddressSpace
    {
        public Errno Pin(ulong address, ulong size, bool write) => Errno.None;

        public void Unpin(ulong address, ulong size)
        {
        }

        public bool TryRead(ulong address, Span<byte> destination) => true;

        public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => true;
    }
}
