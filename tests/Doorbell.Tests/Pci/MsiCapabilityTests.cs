using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

public class MsiCapabilityTests
{
    private readonly FakeRequester _upstream = new();
    private readonly PciFunction _function;
    private readonly MsiCapability _msi;

    public MsiCapabilityTests()
    {
        _function = new PciFunction(new PciAddress(0, 1, 0, 0), new PlainModel(PlainModel.Simple)) { Upstream = _upstream };
        _function.Enable();
        _msi = _function.Msi!;
    }

    [Fact]
    public void M9_Vectors_share_an_address_and_have_consecutive_data()
    {
        _msi.WriteMessage(0x0800_0040, 1, 0x58);
        _msi.SetEnabled(true, 3);
        Assert.Equal(4, _msi.EnabledVectorCount);
        Assert.Equal(0x01a5, _function.Config16(_msi.Offset + MsiCapability.MessageControl));
        for (int i = 0; i < 4; i++)
        {
            Assert.True(_function.RaiseMsi(i));
        }

        Assert.Equal([0x58u, 0x59u, 0x5au, 0x5bu], _upstream.Msis.Select(msi => msi.Data));
        Assert.All(_upstream.Msis, msi => Assert.Equal(0x1_0800_0040UL, msi.Address));
    }

    [Fact]
    public void A_vector_that_was_not_given_is_lost()
    {
        _msi.WriteMessage(0x1000, 0, 0x10);
        _msi.SetEnabled(true, 2);
        Assert.True(_function.RaiseMsi(1));
        Assert.False(_function.RaiseMsi(2));
        _msi.SetEnabled(false, 0);
        Assert.False(_function.RaiseMsi(0));
        Assert.Equal(1, _upstream.MsiCount);
    }

    [Fact]
    public void Software_may_write_a_multiple_message_enable_beyond_the_function_but_gets_no_more_vectors()
    {
        _function.Config16(_msi.Offset + MsiCapability.MessageControl, (5 << MsiCapability.MultipleMessageEnableShift) | MsiCapability.EnableBit);
        Assert.Equal(4, _msi.EnabledVectorCount);
        Assert.False(_function.RaiseMsi(4));
    }

    [Fact]
    public void The_registers_and_the_message_are_the_same_thing()
    {
        _function.Config32(_msi.Offset + MsiCapability.MessageAddress, 0x0800_0043);
        _function.Config32(_msi.Offset + MsiCapability.MessageUpperAddress, 0x7);
        _function.Config16(_msi.Offset + 0x0c, 0x99);
        Assert.Equal((0x0800_0040u, 7u, 0x99u), _msi.ReadBack());
        _msi.WriteMessage(0x1000, 2, 3);
        Assert.Equal(0x1000u, _function.Config32(_msi.Offset + MsiCapability.MessageAddress));
        Assert.Equal(2u, _function.Config32(_msi.Offset + MsiCapability.MessageUpperAddress));
        Assert.Equal(3, _function.Config16(_msi.Offset + 0x0c));
    }

    [Fact]
    public void A_masked_vector_is_pending_and_sent_when_it_is_unmasked()
    {
        _msi.WriteMessage(0x1000, 0, 0x20);
        _msi.SetEnabled(true, 4);
        _msi.SetMask(2, true);
        Assert.True(_function.RaiseMsi(2));
        Assert.True(_function.RaiseMsi(1));
        Assert.Equal([0x21u], _upstream.Msis.Select(msi => msi.Data));
        Assert.Equal(4u, _function.Config32(_msi.Offset + 0x14));
        _function.Config32(_msi.Offset + 0x14, 0);
        Assert.Equal(4u, _msi.Pending);
        _function.Config32(_msi.Offset + 0x10, 0);
        Assert.Equal([0x21u, 0x22u], _upstream.Msis.Select(msi => msi.Data));
        Assert.Equal(0u, _function.Config32(_msi.Offset + 0x14));
    }

    [Fact]
    public void MSI_X_wins_where_both_are_enabled()
    {
        _msi.WriteMessage(0x1000, 0, 0x20);
        _msi.SetEnabled(true, 1);
        _function.MsiX!.SetEnabled(true);
        _function.MsiX.WriteEntry(0, 0x2000, 0, 1);
        _function.MsiX.SetMask(0, false);
        Assert.True(_function.RaiseMsi(0));
        Assert.Equal([(0x2000UL, 1u)], _upstream.Msis);
        Assert.Equal(70, _function.EnabledVectors);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(64)]
    public void A_number_of_vectors_MSI_cannot_express_is_a_bug(int vectors) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PciFunction(default, new PlainModel(PlainModel.Simple with { MsiVectors = vectors })));
}
