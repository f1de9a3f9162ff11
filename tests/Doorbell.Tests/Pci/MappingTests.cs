using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>Parts of BARs that a client maps (T5): polled between trapped accesses, never beside them.</summary>
public class MappingTests
{
    private const ulong Entry1 = MappedModel.Table + 16;

    private readonly MappedModel _model = new();
    private readonly FakeRequester _upstream = new();
    private readonly ArraySharedMemory _memory = new();
    private readonly PciFunction _function;

    public MappingTests()
    {
        _function = new PciFunction(new PciAddress(0, 1, 0, 0), _model) { Upstream = _upstream };
        _function.Enable();
    }

    [Fact]
    public void Ranges_that_are_not_of_whole_pages_cannot_be_mapped()
    {
        Assert.Equal(_model.MappableRanges, _function.MappableRanges(4096));
        Assert.Equal(_model.MappableRanges, _function.MappableRanges(16384));
        Assert.Empty(_function.MappableRanges(65536));
    }

    [Fact]
    public void What_is_mapped_shows_the_registers_before_anybody_looks_and_is_polled_from_then_on()
    {
        Assert.False(_function.Poll());
        Assert.Equal(0, _model.Polls);

        Map();
        Assert.Equal(MappedModel.Signature, _memory[0]);
        Assert.True(_function.IsMapped);
        Assert.False(_function.Poll());
        Assert.Equal(1, _model.Polls);

        Map(); // a second mapping of the same range shares it
        Assert.Equal(1, _model.Shown);

        _function.Unmap();
        _function.Poll();
        _function.Synchronize();
        Assert.Equal((1, false), (_model.Polls, _function.IsMapped));
    }

    [Fact]
    public void While_memory_space_is_off_or_the_function_sleeps_stores_are_lost_and_then_the_pages_show_the_registers_again()
    {
        Map();
        _function.SetCommand(PciCommand.BusMaster);
        _memory[0] = 1;
        Assert.False(_function.Poll());
        Assert.Equal(0, _model.Polls);

        _function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);
        Assert.False(_function.Poll());
        Assert.Equal((MappedModel.Signature, 1), (_memory[0], _model.Polls));
    }

    [Fact]
    public void After_a_reset_the_pages_show_the_registers_as_they_are_then()
    {
        Map();
        _memory[0] = 1;
        _memory[Entry1] = 0xfee0_0000;
        _function.ResetFunction();
        Assert.Equal((MappedModel.Signature, 0u), (_memory[0], _memory[Entry1]));
    }

    [Fact]
    public void M9_A_mapped_MSI_X_table_shows_what_the_host_writes_and_takes_what_the_client_stores()
    {
        MsiXCapability msiX = _function.MsiX!;
        msiX.SetEnabled(true);
        Map();
        Assert.Equal(1u, _memory[Entry1 + 12]); // masked, as after a reset

        msiX.WriteEntry(1, 0x0800_0040, 0, 7);
        msiX.SetMask(1, false);
        _function.Poll();
        Assert.Equal((0x0800_0040u, 0u, 7u, 0u), (_memory[Entry1], _memory[Entry1 + 4], _memory[Entry1 + 8], _memory[Entry1 + 12]));

        _memory[Entry1 + 8] = 9;
        Assert.True(_function.Poll());
        Assert.False(_function.Poll());
        Assert.Equal(new MsiXEntry(0x0800_0040, 0, 9, false), msiX.ReadEntry(1));
        Assert.True(_function.RaiseMsi(1));
        Assert.Equal([(0x0800_0040ul, 9u)], _upstream.Msis);

        // Bits that are not there are not kept, and only words that changed are written: a client may be storing beside them.
        _memory.Written.Clear();
        _memory[Entry1] = 0x1003;
        _function.Poll();
        Assert.Equal(0x1000u, _memory[Entry1]);
        Assert.Equal([Entry1], _memory.Written);
    }

    [Fact]
    public void Pending_bits_in_mapped_pages_show_what_waits_behind_a_mask()
    {
        _function.MsiX!.SetEnabled(true);
        Map();
        Assert.True(_function.RaiseMsi(2));
        _function.Poll();
        Assert.Equal(4u, _memory[0x2000]);
        _memory[MappedModel.Table + 32 + 12] = 0;
        _function.Poll();
        Assert.Equal(1, _upstream.MsiCount);
        _function.Poll();
        Assert.Equal(0u, _memory[0x2000]);
    }

    [Fact]
    public void N3_Quiescing_waits_for_the_poll_that_is_under_way_and_for_no_other()
    {
        using ManualResetEventSlim entered = new(), leave = new();
        bool left = false;
        _model.OnPoll = () =>
        {
            entered.Set();
            leave.Wait();
            Volatile.Write(ref left, true);
            return true;
        };
        Map();
        Thread poller = new(() => _function.Poll());
        poller.Start();
        entered.Wait();
        _model.OnPoll = null;

        Thread quiescing = new(() =>
        {
            _function.Quiesce();
            Assert.True(Volatile.Read(ref left));
        });
        quiescing.Start();
        Assert.False(quiescing.Join(20));
        leave.Set();
        poller.Join();
        quiescing.Join();
    }

    [Fact]
    public void A_trapped_access_is_let_in_however_busy_the_device_is()
    {
        bool stop = false;
        _model.OnPoll = static () => true;
        Map();
        Thread poller = new(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                _function.Poll();
            }
        });
        poller.Start();
        for (int i = 0; i < 1000; i++)
        {
            _function.Bar32(0, 0x800);
        }

        Volatile.Write(ref stop, true);
        poller.Join();
    }

    private void Map() => _function.Map(_model.MappableRanges[0], _memory);
}
