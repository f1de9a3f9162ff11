using Doorbell.Iommu;

namespace Doorbell.Tests.Iommu;

/// <summary>The cache by itself.</summary>
public class IotlbTests
{
    private const ulong Entry = (0x809_0000UL) | (2 << 1) | 1;

    private readonly Iotlb _tlb = new(12);

    [Fact]
    public void What_was_missed_twice_in_a_row_is_served()
    {
        Offer(0x800_0040, Entry, 12, _tlb.Generation);
        Assert.Equal(0UL, _tlb.Find(0x800_0040, out _));
        Offer(0x800_0048, Entry, 12, _tlb.Generation);
        Assert.Equal(Entry, _tlb.Find(0x800_0fff, out int shift));
        Assert.Equal(12, shift);
        Assert.Equal(0UL, _tlb.Find(0x800_1000, out _));
        Assert.Equal(1, _tlb.Count);
    }

    [Fact]
    public void An_entry_keeps_all_of_a_descriptor_and_its_size()
    {
        const ulong descriptor = 0xffff_ffff_c000_0000 | (0x1f << 1) | 1;
        Take(ulong.MaxValue, descriptor, 30);
        Assert.Equal(descriptor, _tlb.Find(ulong.MaxValue - 1, out int shift));
        Assert.Equal(30, shift);
    }

    [Fact]
    public void Transactions_all_over_memory_leave_what_is_cached()
    {
        Take(0x800_0000, Entry, 12);
        for (ulong page = 0; page < 10_000; page++)
        {
            Offer(0x1_0000_0000 + (page << 12), Entry, 12, _tlb.Generation);
        }

        Assert.Equal(Entry, _tlb.Find(0x800_0000, out _));
        Assert.Equal(1, _tlb.Count);
    }

    [Theory]
    [InlineData(0x800_0000UL, 0x800_0fffUL, false)]
    [InlineData(0x7ff_f000UL, 0x800_0fffUL, false)]
    [InlineData(0x800_0000UL, 0x83f_ffffUL, false)]
    [InlineData(0UL, ulong.MaxValue, false)]
    [InlineData(0x800_1000UL, 0x800_1fffUL, true)]
    [InlineData(0x7ff_f000UL, 0x7ff_ffffUL, true)]
    [InlineData(0x800_1000UL, ulong.MaxValue, true)]
    [InlineData(0UL, 0x7ff_ffffUL, true)]
    public void N3_an_invalidation_takes_its_range_and_nothing_else(ulong first, ulong last, bool stays)
    {
        Take(0x800_0000, Entry, 12);
        long before = _tlb.Generation;
        _tlb.Invalidate(first, last);
        Assert.Equal(stays ? Entry : 0, _tlb.Find(0x800_0000, out _));
        Assert.Equal(before + 1, _tlb.Generation);
    }

    [Theory]
    [InlineData(0x800_0000UL, 0x800_0fffUL)]
    [InlineData(0UL, ulong.MaxValue)]
    public void N3_a_walk_that_began_before_an_invalidation_brings_nothing_back(ulong first, ulong last)
    {
        Offer(0x800_0000, Entry, 12, _tlb.Generation);
        long before = _tlb.Generation;
        // Here the walk is done; the page is unmapped and invalidated before what was found is taken in.
        _tlb.Invalidate(first, last);
        Offer(0x800_0000, Entry, 12, before);
        Offer(0x800_0000, Entry, 12, before);
        Assert.Equal(0UL, _tlb.Find(0x800_0000, out _));
        Offer(0x800_0000, Entry, 12, _tlb.Generation);
        Assert.Equal(Entry, _tlb.Find(0x800_0000, out _));
    }

    [Fact]
    public async Task Readers_never_put_two_translations_together()
    {
        // Two pages of one place, each with its own descriptor; four threads take them in by turns.
        ulong first = 1;
        ulong second = Enumerable.Range(2, 100_000).Select(page => (ulong)page).First(page => SlotOf(page) == SlotOf(first));
        int wrong = 0;
        int served = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(seed => Task.Run(() =>
        {
            Random random = new(seed);
            for (int i = 0; i < 200_000; i++)
            {
                ulong iova = (random.Next(2) == 0 ? first : second) << 12;
                ulong found = _tlb.Find(iova, out int shift);
                if (found != 0)
                {
                    Interlocked.Increment(ref served);
                    if (found != Descriptor(iova) || shift != 12)
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }

                Offer(iova, Descriptor(iova), 12, _tlb.Generation);
                Offer(iova, Descriptor(iova), 12, _tlb.Generation);
                if (i % 1000 == 0)
                {
                    _tlb.Invalidate(iova, iova);
                }
            }
        })));
        Assert.Equal(0, wrong);
        Assert.NotEqual(0, served);

        static ulong Descriptor(ulong iova) => (iova * 0x1_0001) | (3 << 1) | 1;
        static ulong SlotOf(ulong page) => ((page + 1) * 0x9e37_79b9_7f4a_7c15) >> 58;
    }

    private void Offer(ulong iova, ulong entry, int shift, long generation)
    {
        if (_tlb.IsWanted(iova))
        {
            _tlb.Take(iova, entry, shift, generation);
        }
    }

    private void Take(ulong iova, ulong entry, int shift)
    {
        Offer(iova, entry, shift, _tlb.Generation);
        Offer(iova, entry, shift, _tlb.Generation);
    }
}
