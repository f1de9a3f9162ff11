using Doorbell.Devices;

namespace Doorbell.Tests.Devices;

public class MemoryBlockBackendTests
{
    [Fact]
    public void What_was_never_written_is_zero_and_what_was_written_stays_across_pieces()
    {
        var backend = new MemoryBlockBackend(3 << 20);
        byte[] pattern = [.. Enumerable.Range(0, 2000).Select(i => (byte)i)];
        Assert.True(backend.Write((1 << 20) - 1000, pattern));
        var back = new byte[4000];
        Assert.True(backend.Read((1 << 20) - 2000, back));
        Assert.Equal(new byte[1000], back[..1000]);
        Assert.Equal(pattern, back[1000..3000]);
        Assert.Equal(new byte[1000], back[3000..]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(513)]
    public void A_length_that_is_no_multiple_of_512_is_a_bug(ulong length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryBlockBackend(length));
}
