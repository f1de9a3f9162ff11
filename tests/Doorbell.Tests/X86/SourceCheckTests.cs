using Doorbell.X86;

namespace Doorbell.Tests.X86;

public class SourceCheckTests
{
    [Theory]
    [InlineData(0, 0x0108, true)]
    [InlineData(0, 0x0109, false)]
    [InlineData(0, 0x010c, false)]
    [InlineData(1, 0x010c, true)]
    [InlineData(1, 0x0109, false)]
    [InlineData(2, 0x010e, true)]
    [InlineData(2, 0x0109, false)]
    [InlineData(3, 0x010f, true)]
    [InlineData(3, 0x0110, false)]
    public void N4_The_qualifier_says_which_bits_of_the_source_count(int qualifier, int requester, bool accepted) =>
        Assert.Equal(accepted, SourceCheck.Exactly(new RequesterId(0x0108), qualifier).Accepts(new RequesterId((ushort)requester)));

    [Theory]
    [InlineData(0x02ff, false)]
    [InlineData(0x0300, true)]
    [InlineData(0x0410, true)]
    [InlineData(0x0500, false)]
    public void N4_Buses_are_checked_from_the_first_to_the_last(int requester, bool accepted) =>
        Assert.Equal(accepted, SourceCheck.Buses(3, 4).Accepts(new RequesterId((ushort)requester)));

    [Fact]
    public void Without_validation_anybody_is_taken() => Assert.True(SourceCheck.None.Accepts(new RequesterId(0xffff)));

    [Theory]
    [InlineData(0u, 0xfee0_0018UL)]
    [InlineData(1u, 0xfee0_0038UL)]
    [InlineData(0x7fffu, 0xfeef_fff8UL)]
    [InlineData(0x8000u, 0xfee0_001cUL)]
    [InlineData(0xffffu, 0xfeef_fffcUL)]
    public void A_handle_stands_in_address_bits_19_to_5_and_2(uint handle, ulong address)
    {
        Assert.Equal(address, InterruptAddress.Handle(handle).Value);
        Assert.Equal(handle, InterruptAddress.HandleOf(address - InterruptAddress.Base));
    }
}
