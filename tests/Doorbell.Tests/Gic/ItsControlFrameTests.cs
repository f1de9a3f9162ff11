using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.Tests.Gic;

/// <summary>M11: an ITS as a program that knows its registers sees it.</summary>
public class ItsControlFrameTests
{
    private static readonly DeviceId Device = new(0x18);

    private readonly List<MachineEvent> _trace = [];
    private readonly EventStream _events = new();
    private readonly GicDomain _gic = new("gic", 2, 0, 14);
    private readonly GicV3Its _its;
    private readonly ItsControlFrame _frame;

    public ItsControlFrameTests()
    {
        _events.Subscribe(_trace.Add);
        _its = new GicV3Its("its", new PhysicalAddress(0x808_0000), _gic, _events, deviceIdBits: 16, eventIdBits: 5);
        _frame = _its.ControlFrame;
    }

    public static TheoryData<ItsCommand, ulong[]> Encodings => new()
    {
        { ItsCommand.Mapd(new DeviceId(0x1234_5678), 3, true, new PhysicalAddress(0xabcd_ef00)), [0x1234_5678_0000_0008, 3, 0x8000_0000_abcd_ef00, 0] },
        { ItsCommand.Mapd(Device, 0, false), [0x18_0000_0008, 0, 0, 0] },
        { ItsCommand.Mapc(5, 3, true), [9, 0, 0x8000_0000_0003_0005, 0] },
        { ItsCommand.Mapti(Device, new EventId(7), 0x2003, 2), [0x18_0000_000a, 0x2003_0000_0007, 2, 0] },
        { ItsCommand.Mapi(Device, new EventId(0x2007), 2), [0x18_0000_000b, 0x2007, 2, 0] },
        { ItsCommand.Movi(Device, new EventId(7), 1), [0x18_0000_0001, 7, 1, 0] },
        { ItsCommand.Movall(1, 2), [0x0e, 0, 0x1_0000, 0x2_0000] },
        { ItsCommand.Discard(Device, new EventId(7)), [0x18_0000_000f, 7, 0, 0] },
        { ItsCommand.Inv(Device, new EventId(7)), [0x18_0000_000c, 7, 0, 0] },
        { ItsCommand.Invall(9), [0x0d, 0, 9, 0] },
        { ItsCommand.Int(Device, new EventId(7)), [0x18_0000_0003, 7, 0, 0] },
        { ItsCommand.Clear(Device, new EventId(7)), [0x18_0000_0004, 7, 0, 0] },
        { ItsCommand.Sync(1), [5, 0, 0x1_0000, 0] },
    };

    [Theory]
    [MemberData(nameof(Encodings))]
    public void M11_Every_command_is_the_manual_s_32_bytes_and_reads_back(ItsCommand command, ulong[] doublewords)
    {
        byte[] entry = new byte[32];
        ItsCommandEncoding.Write(command, entry);
        Assert.Equal(doublewords, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(entry).ToArray());
        Assert.Equal(command, ItsCommandEncoding.Read(entry));
    }

    [Fact]
    public void M11_TYPER_says_the_sizes_and_read_only_registers_stay()
    {
        ulong typer = _frame.Read(ItsRegister.Typer);
        Assert.Equal((1ul, 4ul, 15ul, 0ul), (typer & 1, (typer >> 8) & 0x1f, (typer >> 13) & 0x1f, typer >> 24 & 0xff));
        Assert.Equal(typer >> 32, _frame.Read(ItsRegister.Typer + 4, 4));
        Assert.Equal(0x43bul, _frame.Read(ItsRegister.Iidr, 4));
        Assert.Equal(0x30ul, _frame.Read(ItsRegister.Pidr2, 4));
        foreach (ulong offset in new[] { ItsRegister.Typer, ItsRegister.Iidr, ItsRegister.Creadr, ItsRegister.Pidr2, 0x40ul, 0x110ul })
        {
            ulong before = _frame.Read(offset);
            _frame.Write(offset, ulong.MaxValue);
            Assert.Equal(before, _frame.Read(offset));
        }
    }

    [Fact]
    public void M11_BASERs_keep_their_type_and_entry_size_and_indirect_only_where_two_levels_are_there()
    {
        _frame.Write(ItsRegister.Baser, ulong.MaxValue);
        ItsBaser devices = new(_frame.Read(ItsRegister.Baser));
        Assert.Equal((ItsBaser.Devices, true, true, 256), (devices.Type, devices.IsValid, devices.IsIndirect, devices.Pages));
        _frame.Write(ItsRegister.Baser + 8, ulong.MaxValue);
        Assert.False(new ItsBaser(_frame.Read(ItsRegister.Baser + 8)).IsIndirect);
        var flat = new GicV3Its("flat", new PhysicalAddress(0x1000_0000), _gic, _events, twoLevelDeviceTable: false);
        Assert.False(flat.Give(0, 1, indirect: true).IsIndirect);
        Assert.Equal((ulong)7, (devices.Value >> 48) & 0x1f);
    }

    [Fact]
    public void A_64_KiB_page_has_its_upper_address_bits_where_the_register_puts_them()
    {
        var address = new PhysicalAddress(0x000a_1234_5678_0000);
        ItsBaser baser = ItsBaser.Empty(ItsBaser.Devices).With(address, 0x1_0000, 3, indirect: false);
        Assert.Equal((address, 0x1_0000ul, 3, 3 * 8192ul), (baser.Address, baser.PageSize, baser.Pages, baser.Capacity));
    }

    [Fact]
    public void M11_Tables_and_queue_cannot_be_changed_while_the_ITS_is_enabled()
    {
        _its.GiveQueue();
        _its.Start();
        ulong cbaser = _frame.Read(ItsRegister.Cbaser), baser = _frame.Read(ItsRegister.Baser);
        _frame.Write(ItsRegister.Cbaser, 0);
        _frame.Write(ItsRegister.Baser, 0);
        Assert.Equal((cbaser, baser), (_frame.Read(ItsRegister.Cbaser), _frame.Read(ItsRegister.Baser)));
    }

    [Fact]
    public void M11_Commands_run_from_memory_in_order_once_CWRITER_moves_and_the_queue_wraps()
    {
        PhysicalAddress queue = _its.GiveQueue();
        _its.Start();
        for (int i = 0; i < 300; i++)
        {
            _its.Put(queue, i % 128, i == 0 ? ItsCommand.Mapd(Device, 1, true) : i == 1 ? ItsCommand.Mapc(0, 0, true) : ItsCommand.Mapti(Device, new EventId((uint)i & 3), 8192 + (uint)i, 0));
            Assert.Equal(i, _trace.Count);
            ulong next = (ulong)((i + 1) % 128) * 32;
            _frame.Write(ItsRegister.Cwriter, next);
            Assert.Equal((next, next), (_frame.Read(ItsRegister.Cwriter), _frame.Read(ItsRegister.Creadr)));
        }

        Assert.Equal(300, _trace.OfType<ItsCommandEvent>().Count(e => e.Error == ItsCommandError.None));
    }

    [Fact]
    public void M11_Commands_written_before_the_ITS_is_enabled_run_when_it_is()
    {
        PhysicalAddress queue = _its.GiveQueue();
        _its.Put(queue, 0, ItsCommand.Mapd(Device, 1, true));
        _its.Give(0, 1);
        _frame.Write(ItsRegister.Cwriter, 32);
        Assert.Empty(_trace);
        _frame.Write(ItsRegister.Ctlr, 1);
        Assert.Single(_trace);
        Assert.Equal(0x8000_0001ul, _frame.Read(ItsRegister.Ctlr, 4));
    }

    [Fact]
    public void M11_A_command_with_an_error_stalls_the_queue_until_software_mends_it_and_retries()
    {
        PhysicalAddress queue = _its.GiveQueue();
        _its.Start();
        _its.Put(queue, 0, ItsCommand.Mapd(Device, 1, true));
        _its.Put(queue, 1, ItsCommand.Mapti(Device, new EventId(9), 8192, 0));
        _its.Put(queue, 2, ItsCommand.Mapc(0, 1, true));
        _frame.Write(ItsRegister.Cwriter, 96);
        Assert.Equal(32ul | ItsRegister.CreadrStalled, _frame.Read(ItsRegister.Creadr));
        Assert.Equal((true, ItsCommandError.EventOutOfRange), (_frame.IsStalled, _frame.StallReason));
        Assert.Equal(2, _trace.Count);

        // Neither more commands nor a retry of the same command get it going.
        _frame.Write(ItsRegister.Cwriter, 96);
        Assert.Equal(2, _trace.Count);
        _frame.Write(ItsRegister.Cwriter, 96 | ItsRegister.CwriterRetry);
        Assert.Equal((3, true), (_trace.Count, _frame.IsStalled));

        _its.Put(queue, 1, ItsCommand.Mapti(Device, new EventId(3), 8192, 0));
        _frame.Write(ItsRegister.Cwriter, 96 | ItsRegister.CwriterRetry);
        Assert.Equal((96ul, false), (_frame.Read(ItsRegister.Creadr), _frame.IsStalled));
        Assert.Equal(2, _its.CommandErrors);
    }

    [Fact]
    public void M11_What_is_no_command_stalls_and_so_does_a_queue_without_memory()
    {
        PhysicalAddress queue = _its.GiveQueue();
        Assert.True(_gic.Memory.TryWrite(queue.Value, [0x77]));
        _its.Start();
        _frame.Write(ItsRegister.Cwriter, 32);
        Assert.Equal(ItsCommandError.UnknownCommand, _frame.StallReason);

        _frame.Write(ItsRegister.Ctlr, 0);
        _frame.Write(ItsRegister.Cbaser, ItsRegister.Valid | 0x7_0000_0000);
        Assert.Equal((0ul, false), (_frame.Read(ItsRegister.Creadr), _frame.IsStalled));
        _frame.Write(ItsRegister.Ctlr, 1);
        Assert.Equal(ItsCommandError.QueueUnreadable, _frame.StallReason);
        Assert.Equal(2, _its.CommandErrors);
    }

    [Fact]
    public void CWRITER_beyond_the_queue_executes_nothing_until_it_is_back()
    {
        PhysicalAddress queue = _its.GiveQueue();
        _its.Start();
        _its.Put(queue, 0, ItsCommand.Mapd(Device, 1, true));
        _frame.Write(ItsRegister.Cwriter, 0x1000);
        Assert.Empty(_trace);
        _frame.Write(ItsRegister.Cwriter, 32);
        Assert.Single(_trace);
    }

    [Fact]
    public void N4_A_disabled_ITS_takes_no_MSI_and_says_so()
    {
        _its.Start();
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(Device, 1, true)));
        _frame.Write(ItsRegister.Ctlr, 0);
        Assert.Equal(BusWriteOutcome.Refused, _its.Write32(new BusWrite(0x40, 0, Device, default)));
        Assert.Contains("GITS_CTLR", Assert.IsType<MsiRefusedEvent>(_trace[^1]).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void M11_A_device_table_too_small_for_a_DeviceID_is_an_error()
    {
        _its.Start(devicePages: 1);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(new DeviceId(511), 1, true)));
        Assert.Equal(ItsCommandError.DeviceOutOfRange, _its.Submit(ItsCommand.Mapd(new DeviceId(512), 1, true)));
        Assert.Equal(ItsCommandError.DeviceOutOfRange, _its.Submit(ItsCommand.Inv(new DeviceId(512), default)));
    }

    [Fact]
    public void M11_A_two_level_device_table_reaches_what_software_has_provided_pages_for()
    {
        ItsBaser table = _its.Give(0, 1, indirect: true);
        _frame.Write(ItsRegister.Ctlr, 1);
        Assert.Equal(512ul * 512, table.Capacity);
        Assert.Equal(ItsCommandError.DeviceOutOfRange, _its.Submit(ItsCommand.Mapd(new DeviceId(1024), 1, true)));
        Assert.True(_gic.Memory.TryWrite64(table.Address + 16, ItsRegister.Valid | _gic.Memory.Allocate(0x1000).Value));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(new DeviceId(1024), 1, true)));
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapd(new DeviceId(1535), 1, true)));
        Assert.Equal(ItsCommandError.DeviceOutOfRange, _its.Submit(ItsCommand.Mapd(new DeviceId(1536), 1, true)));
    }

    [Fact]
    public void M11_Collections_are_as_many_as_the_table_and_the_hardware_hold()
    {
        _its.Start(collectionPages: 1);
        Assert.Equal(ItsCommandError.None, _its.Submit(ItsCommand.Mapc(511, 1, true)));
        Assert.Equal(ItsCommandError.CollectionOutOfRange, _its.Submit(ItsCommand.Mapc(512, 1, true)));
        var its = new GicV3Its("hcc", new PhysicalAddress(0x1000_0000), _gic, _events, hardwareCollections: 3);
        its.Start(collectionPages: 0);
        Assert.Equal(3ul, its.ControlFrame.Read(ItsRegister.Typer) >> ItsRegister.TyperHccShift & 0xff);
        Assert.Equal(ItsCommandError.None, its.Submit(ItsCommand.Mapc(2, 1, true)));
        Assert.Equal(ItsCommandError.CollectionOutOfRange, its.Submit(ItsCommand.Mapc(3, 1, true)));
    }

    [Fact]
    public void M11_The_driver_uses_the_queue_and_goes_on_after_an_error()
    {
        var domain = new ItsDomain(_its);
        Assert.True(_frame.IsEnabled);
        ulong before = _frame.Read(ItsRegister.Creadr);
        var requester = new IrqRequester("device", Device);
        Assert.True(domain.Prepare(requester, 4, out IrqDeviceContext? context).IsOk);
        Assert.Equal(before + 32, _frame.Read(ItsRegister.Creadr));
        var queue = new ItsCommandQueue(_its);
        Assert.Equal(before + 32, _frame.Read(ItsRegister.Creadr));
        domain.Unprepare(context);
        Assert.Equal(before + 64, _frame.Read(ItsRegister.Creadr));

        var other = new GicV3Its("other", new PhysicalAddress(0x1000_0000), _gic, _events, eventIdBits: 5);
        other.Give(0, 1);
        queue = new ItsCommandQueue(other);
        other.ControlFrame.Write(ItsRegister.Ctlr, 1);
        Assert.Equal(
            ItsCommandError.IttSizeOutOfRange,
            queue.Submit(ItsCommand.Mapd(Device, 1, true), ItsCommand.Mapd(Device, 9, true), ItsCommand.Mapd(new DeviceId(1), 1, true)));
        Assert.False(other.ControlFrame.IsStalled);
        Assert.Equal(ItsCommandError.None, queue.Submit(ItsCommand.Mapd(new DeviceId(1), 1, false)));
    }

    [Fact]
    public void M11_A_flat_device_table_that_cannot_hold_a_device_is_ENOSPC_with_nothing_kept()
    {
        var its = new GicV3Its("flat", new PhysicalAddress(0x1000_0000), _gic, _events, deviceIdBits: 24, twoLevelDeviceTable: false);
        var domain = new ItsDomain(its);
        var far = new IrqRequester("far", new DeviceId(1 << 22));
        Result result = domain.Prepare(far, 1, out IrqDeviceContext? context);
        Assert.Equal((Errno.ENOSPC, null), (result.Errno, context));
        Assert.Contains("0x200000", result.Reason!, StringComparison.Ordinal);
        Assert.Equal(0, its.CommandErrors);
        Assert.True(domain.Prepare(new IrqRequester("near", new DeviceId(0x1f_ffff)), 1, out _).IsOk);
        var two = new ItsDomain(new GicV3Its("two", new PhysicalAddress(0x2000_0000), _gic, _events, deviceIdBits: 24));
        Assert.True(two.Prepare(far, 1, out _).IsOk);
    }
}
