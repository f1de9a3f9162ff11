using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;
using Doorbell.Tests.Msi;

namespace Doorbell.Tests.Gic;

/// <summary>The ITS as hardware: commands given to it directly, without the driver.</summary>
public class ItsCommandTests
{
    private static readonly DeviceId Device = new(0x18);

    private readonly List<MachineEvent> _trace = [];
    private readonly EventStream _events = new();
    private readonly GicDomain _gic;
    private readonly GicV3Its _its;

    public ItsCommandTests()
    {
        _events.Subscribe(_trace.Add);
        _gic = new GicDomain("gic", 2, 0, 14);
        _its = new GicV3Its("its", new PhysicalAddress(0x808_0000), _gic, _events, deviceIdBits: 8, eventIdBits: 5, hardwareCollections: 2);
        _its.Start(collectionPages: 0);
    }

    [Fact]
    public void M11_The_doorbell_is_GITS_TRANSLATER_at_0x10040_of_the_frame()
    {
        Assert.Equal(new PhysicalAddress(0x809_0040), _its.Doorbell);
        Assert.Equal(new PhysicalAddress(0x809_0000), _its.TranslationFrame);
        Assert.Equal(BusWriteOutcome.Ignored, _its.Write32(new BusWrite(0x44, 0, Device, default)));
        Assert.Equal(0, _its.Refused);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void N4_A_write_that_still_has_the_ITT_that_MAPD_took_away_finds_nothing_in_it(bool mappedAgain)
    {
        var tables = new ItsTables(8);
        var processor = new ItsCommandProcessor(tables, _its.ControlFrame, _gic, 5, 1);
        Assert.Equal(ItsCommandError.None, processor.Execute(ItsCommand.Mapd(Device, 1, true)));
        Assert.Equal(ItsCommandError.None, processor.Execute(ItsCommand.Mapti(Device, new EventId(2), 8192, 0)));
        ItsTableEntry[] old = tables.GetDevice(Device)!;
        Assert.True(old[2].Read().IsValid);
        Assert.Equal(ItsCommandError.None, processor.Execute(ItsCommand.Mapd(Device, 1, mappedAgain)));
        Assert.NotSame(old, tables.GetDevice(Device));
        Assert.False(old[2].Read().IsValid);
    }

    public static TheoryData<ItsCommand, ItsCommandError> Errors => new()
    {
        { ItsCommand.Mapd(new DeviceId(0x100), 1, true), ItsCommandError.DeviceOutOfRange },
        { ItsCommand.Mapd(Device, 5, true), ItsCommandError.IttSizeOutOfRange },
        { ItsCommand.Mapc(2, 0, true), ItsCommandError.CollectionOutOfRange },
        { ItsCommand.Mapc(1, 2, true), ItsCommandError.TargetOutOfRange },
        { ItsCommand.Mapti(new DeviceId(0x19), default, 8192, 0), ItsCommandError.UnmappedDevice },
        { ItsCommand.Mapti(new DeviceId(0x119), default, 8192, 0), ItsCommandError.DeviceOutOfRange },
        { ItsCommand.Mapti(Device, new EventId(4), 8192, 0), ItsCommandError.EventOutOfRange },
        { ItsCommand.Mapti(Device, new EventId(3), 8191, 0), ItsCommandError.PhysicalIdOutOfRange },
        { ItsCommand.Mapti(Device, new EventId(3), 16384, 0), ItsCommandError.PhysicalIdOutOfRange },
        { ItsCommand.Mapti(Device, new EventId(3), 8192, 2), ItsCommandError.CollectionOutOfRange },
        { ItsCommand.Mapi(Device, new EventId(3), 0), ItsCommandError.PhysicalIdOutOfRange },
        { ItsCommand.Movi(Device, new EventId(1), 0), ItsCommandError.UnmappedInterrupt },
        { ItsCommand.Movi(Device, new EventId(0), 1), ItsCommandError.UnmappedCollection },
        { ItsCommand.Movi(Device, new EventId(0), 7), ItsCommandError.CollectionOutOfRange },
        { ItsCommand.Discard(Device, new EventId(1)), ItsCommandError.UnmappedInterrupt },
        { ItsCommand.Discard(Device, new EventId(4)), ItsCommandError.EventOutOfRange },
        { ItsCommand.Inv(Device, new EventId(1)), ItsCommandError.UnmappedInterrupt },
        { ItsCommand.Int(Device, new EventId(1)), ItsCommandError.UnmappedInterrupt },
        { ItsCommand.Clear(Device, new EventId(1)), ItsCommandError.UnmappedInterrupt },
        { ItsCommand.Invall(1), ItsCommandError.UnmappedCollection },
        { ItsCommand.Invall(2), ItsCommandError.CollectionOutOfRange },
        { ItsCommand.Movall(0, 2), ItsCommandError.TargetOutOfRange },
        { ItsCommand.Sync(2), ItsCommandError.TargetOutOfRange },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void M11_A_command_with_an_error_is_told_counted_and_changes_nothing(ItsCommand command, ItsCommandError error)
    {
        IrqDescriptor irq = Map(0, 0);
        _trace.Clear();
        Assert.Equal(error, _its.Submit(command));
        Assert.Equal(1, _its.CommandErrors);
        ItsCommandEvent told = Assert.IsType<ItsCommandEvent>(Assert.Single(_trace));
        Assert.Equal(("its.error", command, error), (told.Kind, told.Command, told.Error));
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Assert.True(irq.IsPending);
    }

    [Fact]
    public void N4_Every_refused_write_is_told_with_its_reason_and_counted()
    {
        IrqDescriptor irq = Map(0, 0);
        Assert.Contains("no MAPD", Refusal(new BusWrite(0x40, 0, new DeviceId(0x19), default)), StringComparison.Ordinal);
        Assert.Contains("more than 8 bits", Refusal(new BusWrite(0x40, 0, new DeviceId(0x118), default)), StringComparison.Ordinal);
        Assert.Contains("more than 8 bits", Refusal(new BusWrite(0x40, 0, new DeviceId(uint.MaxValue), default)), StringComparison.Ordinal);
        Assert.Contains("beyond the ITT", Refusal(new BusWrite(0x40, 4, Device, default)), StringComparison.Ordinal);
        Assert.Contains("beyond the ITT", Refusal(new BusWrite(0x40, uint.MaxValue, Device, default)), StringComparison.Ordinal);
        Assert.Contains("no MAPTI", Refusal(new BusWrite(0x40, 1, Device, default)), StringComparison.Ordinal);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapti(Device, new EventId(2), 9000, 0)));
        Assert.Contains("nobody's", Refusal(new BusWrite(0x40, 2, Device, default)), StringComparison.Ordinal);
        Enable(irq);
        Assert.Contains("nobody has requested", Refusal(new BusWrite(0x40, 0, Device, default)), StringComparison.Ordinal);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapc(0, 0, false)));
        Assert.Contains("no MAPC", Refusal(new BusWrite(0x40, 0, Device, default)), StringComparison.Ordinal);
        Assert.Equal(9, _its.Refused);
    }

    [Fact]
    public void An_LPI_disabled_in_its_configuration_waits_and_is_delivered_once_when_INV_reads_it_again()
    {
        IrqDescriptor irq = Map(0, 0);
        var handler = new CountingHandler();
        irq.Handler = handler;
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Assert.Equal(2, _its.Pended);
        Assert.Equal("msi.pending", _trace[^1].Kind);

        // The table alone does nothing: the redistributor goes by what it has read.
        _gic.SetLpiConfiguration(irq.Intid, 0xa1);
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Assert.Equal(0, handler.Total);

        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Inv(Device, new EventId(0))));
        Assert.Equal(1, handler.Total);
        Assert.Equal(BusWriteOutcome.Delivered, Write(0));
        Assert.Equal(2, handler.Total);

        _gic.SetLpiConfiguration(irq.Intid, 0xa0);
        Assert.Equal(BusWriteOutcome.Delivered, Write(0));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Invall(0)));
        Assert.Equal(BusWriteOutcome.Pending, Write(0));
        Assert.Equal(3, handler.Total);
    }

    [Fact]
    public void CLEAR_and_DISCARD_forget_what_waits_and_INT_raises()
    {
        IrqDescriptor irq = Map(0, 0);
        var handler = new CountingHandler();
        irq.Handler = handler;
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Int(Device, new EventId(0))));
        Assert.True(irq.IsPending);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Clear(Device, new EventId(0))));
        Assert.False(irq.IsPending);
        Write(0);
        Assert.True(irq.IsPending);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Discard(Device, new EventId(0))));
        Assert.False(irq.IsPending);
        Assert.Equal(BusWriteOutcome.Refused, Write(0));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapti(Device, new EventId(0), irq.Intid, 0)));
        Enable(irq);
        Assert.Equal(0, handler.Total);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Int(Device, new EventId(0))));
        Assert.Equal(1, handler.Total);
    }

    [Fact]
    public void MOVI_and_MAPC_change_the_CPU_that_the_delivery_names()
    {
        IrqDescriptor irq = Map(0, 0);
        irq.Handler = new CountingHandler();
        Enable(irq);
        Write(0);
        Assert.Equal(0, Assert.IsType<MsiDeliverEvent>(_trace[^1]).Cpu);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapc(1, 1, true)));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Movi(Device, new EventId(0), 1)));
        Write(0);
        Assert.Equal(1, Assert.IsType<MsiDeliverEvent>(_trace[^1]).Cpu);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapc(1, 0, true)));
        Write(0);
        Assert.Equal(0, Assert.IsType<MsiDeliverEvent>(_trace[^1]).Cpu);
    }

    [Fact]
    public void MAPD_again_starts_with_an_empty_table_and_V_0_ends_the_device()
    {
        Map(0, 0);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(Device, 1, true)));
        Assert.Equal(BusWriteOutcome.Refused, Write(0));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(Device, 1, false)));
        Assert.Equal(ItsCommandError.UnmappedDevice, _its.Submit(ItsCommand.Mapti(Device, default, 8192, 0)));
    }

    private IrqDescriptor Map(uint eventId, ushort icid)
    {
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapc(icid, icid, true)));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(Device, 1, true)));
        IrqDescriptor irq = _gic.Allocate(new IrqAllocation(new IrqRequester("device", Device), null, 0, 8192 + eventId), 1).Value[0];
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapti(Device, new EventId(eventId), irq.Intid, icid)));
        return irq;
    }

    private void Enable(IrqDescriptor irq)
    {
        _gic.SetLpiConfiguration(irq.Intid, 0xa1);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Inv(Device, new EventId(0))));
    }

    private BusWriteOutcome Write(uint eventId) => _its.Write32(new BusWrite(0x40, eventId, Device, default));

    private string Refusal(in BusWrite write)
    {
        Assert.Equal(BusWriteOutcome.Refused, _its.Write32(write));
        MsiRefusedEvent told = Assert.IsType<MsiRefusedEvent>(_trace[^1]);
        Assert.Equal((write.DeviceId, write.Data), (told.DeviceId, told.Data));
        return told.Reason;
    }
}
