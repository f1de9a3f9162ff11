namespace Doorbell.Tests;

public class PciAddressTests
{
    [Theory]
    [InlineData("0000:01:00.0", "0000:01:00.0", 0x100)]
    [InlineData("00:1f.7", "0000:00:1f.7", 0xff)]
    [InlineData("00ff:80:02.3", "00ff:80:02.3", 0x8013)]
    public void An_address_prints_as_Linux_prints_it_and_gives_its_requester_id(string text, string printed, int requester)
    {
        Assert.True(PciAddress.TryParse(text, out PciAddress address));
        Assert.Equal(printed, address.ToString());
        Assert.Equal(requester, address.RequesterId.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0000:01:20.0")]
    [InlineData("0000:01:00.8")]
    [InlineData("0000:01:00")]
    [InlineData("0000-01:00.0")]
    [InlineData("zz:00.0")]
    public void What_is_no_address_is_refused(string? text) => Assert.False(PciAddress.TryParse(text, out _));
}
