using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

public class MsiXCapabilityTests
{
    private const ulong Table = 0x1000;
    private const ulong Pba = 0x2008;

    private readonly FakeRequester _upstream = new();
    private readonly PciFunction _function;
    private readonly MsiXCapability _msiX;

    public MsiXCapabilityTests()
    {
        _function = new PciFunction(new PciAddress(0, 1, 0, 0), new PlainModel(PlainModel.Simple)) { Upstream = _upstream };
        _function.Enable();
        _msiX = _function.MsiX!;
    }

    [Fact]
    public void The_capability_says_how_many_vectors_there_are_and_where()
    {
        Assert.Equal((70, 0, 0x1000UL, 0, 0x2008UL), (_msiX.VectorCount, _msiX.TableBar, _msiX.TableOffset, _msiX.PbaBar, _msiX.PbaOffset));
        Assert.Equal(69, _function.Config16(_msiX.Offset + MsiXCapability.MessageControl));
        Assert.Equal(0x1000u, _function.Config32(_msiX.Offset + MsiXCapability.TableRegister));
        _function.Config16(_msiX.Offset + MsiXCapability.MessageControl, 0xffff);
        Assert.Equal(0xc045, _function.Config16(_msiX.Offset + MsiXCapability.MessageControl));
        Assert.True(_msiX.IsEnabled);
        Assert.True(_msiX.IsFunctionMasked);
    }

    [Fact]
    public void Every_entry_is_masked_after_reset()
    {
        for (int i = 0; i < _msiX.VectorCount; i++)
        {
            Assert.Equal(new MsiXEntry(0, 0, 0, true), _msiX.ReadEntry(i));
            Assert.Equal(1u, _function.Bar32(0, Table + (ulong)(16 * i) + 12));
        }
    }

    [Fact]
    public void M9_An_unmasked_vector_writes_its_message_upstream()
    {
        _msiX.SetEnabled(true);
        _msiX.WriteEntry(69, 0x0800_0043, 0x12, 7);
        Assert.True(_msiX.ReadEntry(69).Masked);
        _msiX.SetMask(69, false);
        Assert.True(_function.RaiseMsi(69));
        Assert.Equal([(0x12_0800_0040UL, 7u)], _upstream.Msis);
    }

    [Fact]
    public void A_vector_beyond_the_table_is_lost()
    {
        _msiX.SetEnabled(true);
        Assert.False(_function.RaiseMsi(70));
        Assert.False(_function.RaiseMsi(-1));
        Assert.Equal(0, _upstream.MsiCount);
    }

    [Fact]
    public void A_masked_vector_is_pending_and_sent_once_when_it_is_unmasked()
    {
        _msiX.SetEnabled(true);
        _msiX.WriteEntry(65, 0x1000, 0, 65);
        Assert.True(_function.RaiseMsi(65));
        Assert.True(_function.RaiseMsi(65));
        Assert.Equal(0, _upstream.MsiCount);
        Assert.Equal(1UL << 1, _function.Bar64(0, Pba + 8));
        _function.Bar64(0, Pba + 8, 0);
        Assert.True(_msiX.IsPending(65));

        _msiX.SetMask(65, false);
        Assert.Equal([(0x1000UL, 65u)], _upstream.Msis);
        Assert.False(_msiX.IsPending(65));
        _msiX.SetMask(65, true);
        _msiX.SetMask(65, false);
        Assert.Equal(1, _upstream.MsiCount);
    }

    [Fact]
    public void A_pending_vector_sends_the_message_the_entry_holds_at_unmask()
    {
        _msiX.SetEnabled(true);
        _msiX.WriteEntry(1, 0x1000, 0, 1);
        Assert.True(_function.RaiseMsi(1));
        _msiX.WriteEntry(1, 0x2000, 0, 2);
        _msiX.SetMask(1, false);
        Assert.Equal([(0x2000UL, 2u)], _upstream.Msis);
    }

    [Fact]
    public void The_function_mask_holds_every_vector_back()
    {
        _msiX.SetEnabled(true);
        _msiX.SetFunctionMask(true);
        for (int i = 0; i < 70; i++)
        {
            _msiX.WriteEntry(i, 0x1000, 0, (uint)i);
            _msiX.SetMask(i, i == 3);
            Assert.True(_function.RaiseMsi(i));
        }

        Assert.Equal(0, _upstream.MsiCount);
        _msiX.SetFunctionMask(false);
        Assert.Equal(Enumerable.Range(0, 70).Where(i => i != 3).Select(i => (0x1000UL, (uint)i)), _upstream.Msis);
        Assert.True(_msiX.IsPending(3));
    }

    [Fact]
    public void A_pending_vector_waits_for_bus_mastering()
    {
        _msiX.SetEnabled(true);
        _msiX.WriteEntry(0, 0x1000, 0, 9);
        Assert.True(_function.RaiseMsi(0));
        _function.SetCommand(PciCommand.MemorySpace);
        _msiX.SetMask(0, false);
        Assert.Equal(0, _upstream.MsiCount);
        _function.Enable();
        Assert.Equal([(0x1000UL, 9u)], _upstream.Msis);
    }

    [Fact]
    public void Turning_MSI_X_off_forgets_what_was_pending()
    {
        _msiX.SetEnabled(true);
        Assert.True(_function.RaiseMsi(0));
        _msiX.SetEnabled(false);
        _msiX.SetEnabled(true);
        _msiX.SetMask(0, false);
        Assert.Equal(0, _upstream.MsiCount);
    }

    [Fact]
    public void The_table_in_the_BAR_and_the_entries_are_the_same_thing()
    {
        _function.Bar64(0, Table + 32, 0x0000_0012_0800_0040);
        _function.Bar64(0, Table + 40, 0xffff_fffe_0000_0005);
        Assert.Equal(new MsiXEntry(0x0800_0040, 0x12, 5, false), _msiX.ReadEntry(2));
        Assert.Equal(0u, _function.Bar32(0, Table + 44));

        var both = new byte[32];
        _function.ReadBar(0, Table + 24, both);
        Assert.Equal(1, both[4]);
        Assert.Equal(0x40, both[8]);
        Assert.Equal(5, both[16]);
    }

    [Fact]
    public void Unmasking_through_the_BAR_sends_what_is_pending()
    {
        _msiX.SetEnabled(true);
        _msiX.WriteEntry(4, 0x1000, 0, 4);
        Assert.True(_function.RaiseMsi(4));
        _function.Bar32(0, Table + (4 * 16) + 12, 0);
        Assert.Equal([(0x1000UL, 4u)], _upstream.Msis);
    }

    [Fact]
    public void Raising_allocates_nothing()
    {
        _upstream.RecordMsis = false;
        _msiX.SetEnabled(true);
        _msiX.WriteEntry(0, 0x1000, 0, 4);
        _msiX.SetMask(0, false);
        for (int i = 0; i < 100; i++)
        {
            _function.RaiseMsi(0);
            _function.RaiseMsi(1);
        }

        Allocations.None(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                _function.RaiseMsi(0);
                _function.RaiseMsi(1);
            }
        });
    }

    [Fact]
    public void A_vector_raised_while_it_is_unmasked_is_sent_exactly_once()
    {
        _upstream.RecordMsis = false;
        _msiX.SetEnabled(true);
        using var barrier = new Barrier(2);
        const int Rounds = 3000;
        var raiser = new Thread(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                barrier.SignalAndWait();
                _function.RaiseMsi(0);
                barrier.SignalAndWait();
            }
        });
        raiser.Start();
        int wrong = 0;
        for (int round = 0; round < Rounds; round++)
        {
            _msiX.SetMask(0, true);
            int before = _upstream.MsiCount;
            barrier.SignalAndWait();
            _msiX.SetMask(0, false);
            barrier.SignalAndWait();
            wrong += _upstream.MsiCount - before == 1 && !_msiX.IsPending(0) ? 0 : 1;
        }

        raiser.Join();
        Assert.Equal(0, wrong);
    }
}
