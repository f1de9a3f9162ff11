using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.Tests.Gic;

/// <summary>M11: LPIs that wait: where, until when, and in which order they go then.</summary>
public class LpiRoutingTests
{
    private static readonly DeviceId Device = new(0x18);

    private readonly List<MachineEvent> _trace = [];
    private readonly EventStream _events = new();
    private readonly GicDomain _gic;
    private readonly GicV3Its _its;
    private readonly Order _order = new();

    public LpiRoutingTests()
    {
        _events.Subscribe(_trace.Add);
        _gic = new GicDomain("gic", 3, 64, 14, _events);
        _its = new GicV3Its("its", new PhysicalAddress(0x808_0000), _gic, _events, deviceIdBits: 8, eventIdBits: 5);
        _its.Start();
        Submit(ItsCommand.Mapc(0, 0, true));
        Submit(ItsCommand.Mapc(1, 1, true));
        Submit(ItsCommand.Mapd(Device, 3, true));
    }

    [Fact]
    public void M11_A_masked_CPU_lets_everything_wait_and_takes_it_by_priority_then_INTID()
    {
        Map(0, 0xa0);
        Map(1, 0x40);
        Map(2, 0xa0);
        Map(3, 0x80);
        _gic.Redistributors[0].PriorityMask = 0;
        foreach (uint eventId in new uint[] { 2, 0, 3, 1, 2 })
        {
            Assert.Equal(BusWriteOutcome.Pending, Write(eventId));
        }

        Assert.Equal((true, false), (_gic.IsPendingAt(0, 8192), _gic.IsPendingAt(1, 8192)));
        _gic.Redistributors[0].PriorityMask = 0x80;
        Assert.Equal([1], _order.Seen);
        Assert.Equal(BusWriteOutcome.Delivered, Write(1));
        Assert.Equal(BusWriteOutcome.Pending, Write(3));
        _gic.Redistributors[0].PriorityMask = 0xf0;
        Assert.Equal([1, 1, 3, 0, 2], _order.Seen);
        Assert.Equal(4, _trace.OfType<IrqResumeEvent>().Count());
        Assert.Equal(BusWriteOutcome.Delivered, Write(2));
    }

    public static TheoryData<string> Switches => ["LPIs", "group", "distributor"];

    [Theory]
    [MemberData(nameof(Switches))]
    public void M11_LPIs_wait_while_their_redistributor_their_group_or_the_distributor_is_off(string what)
    {
        Map(0, 0xa0);
        IrqDescriptor spi = _gic.Allocate(new IrqAllocation(new IrqRequester("device", Device), null, 7, 40), 1).Value[0];
        spi.Handler = _order;
        spi.Data.Chip!.Unmask(spi.Data);
        Switch(what, false);
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Assert.Equal(what == "LPIs" ? IrqDelivery.Delivered : IrqDelivery.Pending, spi.Raise());
        Switch(what, true);
        Assert.Equal([7, 0], _order.Seen);
        Assert.Equal(BusWriteOutcome.Delivered, Write(0));
    }

    [Fact]
    public void M11_A_new_priority_counts_from_INV_on()
    {
        Map(0, 0xa0);
        _gic.Redistributors[0].PriorityMask = 0x80;
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        _gic.SetLpiConfiguration(8192, 0x41);
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Submit(ItsCommand.Inv(Device, default));
        Assert.Equal([0], _order.Seen);
        Assert.Equal(BusWriteOutcome.Delivered, Write(0));
    }

    [Fact]
    public void M11_MOVI_takes_what_waits_along()
    {
        Map(0, 0xa0);
        _gic.Redistributors[0].PriorityMask = 0;
        Write(0);
        Submit(ItsCommand.Movi(Device, default, 1));
        Assert.Equal([0], _order.Seen);
        Assert.Equal(BusWriteOutcome.Delivered, Write(0));
    }

    [Fact]
    public void M11_MAPC_leaves_what_waits_behind_and_MOVALL_takes_it_along()
    {
        Map(0, 0xa0);
        Map(1, 0x40);
        _gic.Redistributors[0].PriorityMask = 0;
        Write(0);
        Write(1);
        Submit(ItsCommand.Mapc(0, 2, true));
        Assert.Equal((true, false), (_gic.IsPendingAt(0, 8192), _gic.IsPendingAt(2, 8192)));
        Assert.Empty(_order.Seen);
        Assert.Equal(BusWriteOutcome.Delivered, Write(0));
        Assert.True(_gic.IsPendingAt(0, 8192));
        Submit(ItsCommand.Movall(0, 2));
        Assert.Equal([0, 1, 0], _order.Seen);
        Assert.False(_gic.IsPendingAt(0, 8192) || _gic.IsPendingAt(2, 8192));
    }

    [Fact]
    public void M11_MOVALL_before_MAPC_makes_it_wait_at_the_other_until_that_one_takes_it()
    {
        Map(0, 0xa0);
        _gic.Redistributors[0].PriorityMask = 0;
        _gic.Redistributors[2].PriorityMask = 0;
        Write(0);
        Submit(ItsCommand.Movall(0, 2));
        Assert.Equal((false, true), (_gic.IsPendingAt(0, 8192), _gic.IsPendingAt(2, 8192)));
        _gic.Redistributors[0].PriorityMask = 0xf0;
        Assert.Empty(_order.Seen);
        _gic.Redistributors[2].PriorityMask = 0xf0;
        Assert.Equal([0], _order.Seen);
        Submit(ItsCommand.Movall(2, 2));
        Assert.Equal([0], _order.Seen);
    }

    [Fact]
    public void M11_What_stayed_behind_is_delivered_when_it_is_enabled_and_forgotten_by_CLEAR_DISCARD_and_free()
    {
        Map(0, 0xa0);
        Map(1, 0xa0);
        Map(2, 0xa0);
        Map(3, 0xa0);
        foreach (uint eventId in new uint[] { 0, 1, 2, 3 })
        {
            _gic.SetLpiConfiguration(8192 + eventId, 0xa0);
        }

        Submit(ItsCommand.Invall(0));
        foreach (uint eventId in new uint[] { 0, 1, 2, 3 })
        {
            Assert.Equal(BusWriteOutcome.Pending, Write(eventId));
        }

        Submit(ItsCommand.Mapc(0, 2, true));
        Submit(ItsCommand.Clear(Device, new EventId(1)));
        Submit(ItsCommand.Discard(Device, new EventId(2)));
        IrqDescriptor freed = _gic.Find(8195)!;
        _gic.Free([freed]);
        Assert.Equal([true, false, false, false], Enumerable.Range(0, 4).Select(i => _gic.IsPendingAt(0, 8192 + (uint)i)));
        foreach (uint eventId in new uint[] { 0, 1, 2, 3 })
        {
            _gic.SetLpiConfiguration(8192 + eventId, 0xa1);
        }

        Submit(ItsCommand.Invall(0));
        Assert.Equal([0], _order.Seen);
        Submit(ItsCommand.Movall(0, 2));
        Assert.Equal([0], _order.Seen);
    }

    [Fact]
    public void An_SPI_has_its_own_priority_and_goes_where_it_is_routed()
    {
        IrqDescriptor spi = _gic.Allocate(new IrqAllocation(new IrqRequester("device", Device), null, 7, 40), 1).Value[0];
        spi.Handler = _order;
        spi.Data.Chip!.Unmask(spi.Data);
        _gic.Redistributors[0].PriorityMask = 0x60;
        Assert.Equal(IrqDelivery.Pending, spi.Raise());
        Assert.True(spi.Data.Chip.SetAffinity(spi.Data, 2).IsOk);
        Assert.Equal([7], _order.Seen);
        Assert.True(spi.Data.Chip.SetAffinity(spi.Data, 0).IsOk);
        Assert.Equal(IrqDelivery.Pending, spi.Raise());
        Assert.True(_gic.SetSpiPriority(40, 0x20).IsOk);
        Assert.Equal([7, 7], _order.Seen);
        Assert.Equal(Errno.EINVAL, _gic.SetSpiPriority(41, 0).Errno);
        Assert.Equal(Errno.EINVAL, _gic.SetSpiPriority(8192, 0).Errno);
    }

    [Fact]
    public void N4_A_CPU_masked_and_unmasked_under_fire_loses_and_doubles_nothing()
    {
        var gic = new GicDomain("gic", 1, 64, 0);
        IrqDescriptor spi = gic.Allocate(new IrqAllocation(new IrqRequester("device", Device), null, 0, 40), 1).Value[0];
        var handler = new Msi.CountingHandler();
        spi.Handler = handler;
        spi.Data.Chip!.Unmask(spi.Data);
        int delivered = 0, pending = 0;
        var device = new Thread(() =>
        {
            for (int i = 0; i < 30_000; i++)
            {
                _ = spi.Raise() == IrqDelivery.Delivered ? delivered++ : pending++;
            }
        });
        device.Start();
        while (device.IsAlive)
        {
            gic.Redistributors[0].PriorityMask = 0;
            gic.Redistributors[0].PriorityMask = 0xf0;
        }

        device.Join();
        Assert.False(spi.IsPending);
        Assert.InRange(handler.Total, delivered + (pending > 0 ? 1 : 0), delivered + pending);
    }

    private void Switch(string what, bool on)
    {
        switch (what)
        {
            case "LPIs":
                _gic.Redistributors[0].LpisEnabled = on;
                break;
            case "group":
                _gic.Redistributors[0].GroupEnabled = on;
                break;
            default:
                _gic.IsEnabled = on;
                break;
        }
    }

    private void Map(uint eventId, byte priority)
    {
        uint lpi = 8192 + eventId;
        IrqDescriptor irq = _gic.Allocate(new IrqAllocation(new IrqRequester("device", Device), null, (int)eventId, lpi), 1).Value[0];
        irq.Handler = _order;
        Submit(ItsCommand.Mapti(Device, new EventId(eventId), lpi, 0));
        _gic.SetLpiConfiguration(lpi, (byte)(priority | 1));
        Submit(ItsCommand.Inv(Device, new EventId(eventId)));
    }

    private void Submit(in ItsCommand command) => Assert.Equal(ItsCommandError.None, _its.Submit(command));

    private BusWriteOutcome Write(uint eventId) => _its.Write32(new BusWrite(0x40, eventId, Device, default));

    private sealed class Order : IInterruptHandler
    {
        public List<int> Seen { get; } = [];

        public void Handle(int vector) => Seen.Add(vector);
    }
}
