using Doorbell.Machines.Yaml;

namespace Doorbell.Tests.Machines;

public class YamlNumberTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1_000", 1000)]
    [InlineData("0x0808_0000", 0x8080000)]
    [InlineData("0xABcd", 0xabcd)]
    [InlineData("4K", 4096)]
    [InlineData("4KiB", 4096)]
    [InlineData("1M", 1 << 20)]
    [InlineData("2GiB", 1L << 31)]
    [InlineData("3T", 3L << 40)]
    public void Numbers_are_decimal_hexadecimal_or_sizes(string text, long value)
    {
        Assert.True(YamlNumber.TryParse(text, out ulong number));
        Assert.Equal((ulong)value, number);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("1.5")]
    [InlineData("1 000")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("0x_1")]
    [InlineData("4k")]
    [InlineData("4iB")]
    [InlineData("K")]
    [InlineData("4KM")]
    [InlineData("0x4K")]
    [InlineData("18446744073709551616")]
    [InlineData("16777216T")]
    [InlineData("0x1_0000_0000_0000_0000")]
    public void Anything_else_is_none(string text) => Assert.False(YamlNumber.TryParse(text, out _));

    [Theory]
    [InlineData(0x1000, "4K")]
    [InlineData(0x10_0000, "1M")]
    [InlineData(0x30, "0x30")]
    public void Sizes_are_printed_as_they_are_written(ulong size, string text) => Assert.Equal(text, YamlNumber.Size(size));
}
