using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Pci;
using Doorbell.Tests.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>What GET_REGION_INFO says of mapping, and what mmap is refused (T5; captures, device.jsonl).</summary>
public class RegionMappingTests
{
    private readonly ArraySharedMemory _memory = new();

    [Fact]
    public void Of_nvme_the_doorbells_alone_are_offered_and_the_table_of_messages_is_not()
    {
        VfioDevice device = new MappedBoard(new NvmeDevice(new MemoryBlockBackend(1 << 20))).Open();

        VfioRegionInfo registers = Board.Ok(device.GetRegionInfo(0));
        Assert.True(registers.Mappable);
        Assert.Equal([new VfioMappableArea(0x1000, 0x1000)], registers.MappableAreas);
        Assert.False(registers.MsiXMappable);
        Assert.False(Board.Ok(device.GetRegionInfo(4)).Mappable);
        Assert.False(Board.Ok(device.GetRegionInfo(VfioRegionIndex.Config)).Mappable);
    }

    [Fact]
    public void A_BAR_that_is_mappable_whole_has_no_areas_and_with_the_table_in_it_MSIX_MAPPABLE()
    {
        VfioDevice device = new MappedBoard(new MappedModel()).Open();

        VfioRegionInfo region = Board.Ok(device.GetRegionInfo(0));
        Assert.Equal((true, true), (region.Mappable, region.MsiXMappable));
        Assert.Null(region.MappableAreas);
        Assert.False(Board.Ok(device.GetRegionInfo(2)).Mappable);
    }

    [Fact]
    public void A_host_of_larger_pages_offers_what_fills_them()
    {
        VfioDevice device = new MappedBoard(new NvmeDevice(new MemoryBlockBackend(1 << 20)), new VfioOptions { PageSize = 65536 }).Open();
        Assert.Empty(device.MappableRanges);
        Assert.False(Board.Ok(device.GetRegionInfo(0)).Mappable);
        Assert.Equal(Errno.EINVAL, device.Map(0, 0, 0x10000, isShared: true, _memory).Errno);
    }

    [Theory]
    [InlineData(0, 0x1000, 0x1000, true, true)]
    [InlineData(0, 0, 0x1000, true, true)] // not offered, and let for all that
    [InlineData(0, 0, 0x4000, true, true)]
    [InlineData(0, 0x1000, 0x1000, false, false)] // a private copy
    [InlineData(0, 0x3000, 0x2000, true, false)] // past the end
    [InlineData(0, 0x4000, 0x1000, true, false)]
    [InlineData(0, 0, 0, true, false)]
    [InlineData(4, 0, 0x1000, true, false)] // trapped
    [InlineData(1, 0, 0x1000, true, false)] // the upper half of BAR 0
    [InlineData(7, 0, 0x1000, true, false)] // config space
    [InlineData(100, 0, 0x1000, true, false)]
    public void T5_Only_what_is_memory_is_mapped_and_the_rest_is_EINVAL_with_a_reason(uint region, ulong offset, ulong length, bool isShared, bool works)
    {
        MappedBoard board = new(new NvmeDevice(new MemoryBlockBackend(1 << 20)));
        VfioDevice device = board.Open();
        List<Refusal> refusals = [];
        board.Machine.Events.Subscribe(step =>
        {
            if (step is Refusal refusal)
            {
                refusals.Add(refusal);
            }
        });

        Result mapped = device.Map(region, offset, length, isShared, _memory);

        Assert.Equal((works, works), (mapped.IsOk, device.IsMapped));
        if (!works)
        {
            Assert.Equal((Errno.EINVAL, "T5"), (mapped.Errno, Assert.Single(refusals).Rule));
        }
    }

    [Fact]
    public void V7_With_the_last_open_nothing_is_mapped_any_more()
    {
        MappedModel model = new();
        MappedBoard board = new(model);
        VfioDevice first = board.Open();
        VfioDevice second = Board.Ok(board.Group.OpenDevice(MappedBoard.Slot));
        Board.Ok(first.Map(0, 0, 0x1000, isShared: true, _memory));

        first.Release();
        Assert.True(second.IsMapped);
        second.Release();
        Assert.False(board.Function.IsMapped);
        Assert.False(board.Function.Poll());
        Assert.Equal(0, model.Polls);
    }

    [Fact]
    public void N3_UNMAP_DMA_returns_when_no_device_is_in_the_memory_any_more()
    {
        MappedModel model = new();
        MappedBoard board = new(model);
        VfioDevice device = board.Open();
        ArrayMemory client = new(Board.Memory, 0x10_0000);
        Board.Ok(board.Container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, Board.Memory, new Iova(0x10_0000), 0x1000, client));
        board.Function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);
        Board.Ok(device.Map(0, 0, 0x1000, isShared: true, _memory));
        using ManualResetEventSlim entered = new(), leave = new();
        bool wrote = false;
        model.OnPoll = () =>
        {
            entered.Set();
            leave.Wait();
            Volatile.Write(ref wrote, true);
            return false;
        };
        Thread poller = new(() => device.Poll());
        poller.Start();
        entered.Wait();

        Thread unmapping = new(() =>
        {
            Board.Ok(board.Container.UnmapDma(default, new Iova(0x10_0000), 0x1000));
            Assert.True(Volatile.Read(ref wrote));
        });
        unmapping.Start();
        Assert.False(unmapping.Join(20));
        leave.Set();
        unmapping.Join();
        poller.Join();
    }
}
