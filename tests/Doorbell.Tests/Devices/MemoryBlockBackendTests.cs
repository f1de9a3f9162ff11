using Doorbell.Devices;

namespace Doorbell.Tests.Devices;

public class MemoryBlockBackendTests
{
    [Fact]
    public void What_was_never_written_is_zero_and_what_was_written_stays_across_pieces()
    {
        var backend = new MemoryBlockBackend(3 << 20);
        byte[] pattern = [.. Enumerable.Range(0, 2000).Select(i => (byte)i)];
        Assert.Equal(BlockStatus.Done, backend.Write((1 << 20) - 1000, pattern));
        var back = new byte[4000];
        Assert.Equal(BlockStatus.Done, backend.Read((1 << 20) - 2000, back));
        Assert.Equal(new byte[1000], back[..1000]);
        Assert.Equal(pattern, back[1000..3000]);
        Assert.Equal(new byte[1000], back[3000..]);
    }

    [Theory]
    [InlineData(512UL, 1024UL)]
    [InlineData((1 << 20) - 512, 1024UL)]
    [InlineData(512UL, 3UL << 20)]
    public void What_is_discarded_is_zero_and_nothing_around_it(ulong offset, ulong length)
    {
        var backend = new MemoryBlockBackend(5 << 20);
        var ones = new byte[5 << 20];
        Array.Fill<byte>(ones, 1);
        backend.Write(0, ones);
        Assert.Equal(BlockStatus.Done, backend.Discard(offset, length));
        ones.AsSpan((int)offset, (int)length).Clear();
        var back = new byte[5 << 20];
        backend.Read(0, back);
        Assert.True(ones.AsSpan().SequenceEqual(back));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(513)]
    public void A_length_that_is_no_multiple_of_512_is_a_bug(ulong length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryBlockBackend(length));
}
