using Doorbell.Iommu;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Iommu;

public class IovaAllocatorTests
{
    [Fact]
    public void The_lowest_run_that_fits_is_taken()
    {
        IovaAllocator iovas = new(new Iova(0x800_0000), 0x10_0000, 12);
        Assert.Equal(256, iovas.Capacity);
        Assert.Equal(0x800_0000UL, Take(iovas, 1));
        Assert.Equal(0x800_1000UL, Take(iovas, 3));
        Assert.Equal(0x800_4000UL, Take(iovas, 1));
        iovas.Free(new Iova(0x800_1000), 3);
        Assert.Equal(0x800_5000UL, Take(iovas, 4));
        Assert.Equal(0x800_1000UL, Take(iovas, 2));
        Assert.Equal(8, iovas.Used);
    }

    [Fact]
    public void The_window_has_an_end()
    {
        // Mainline's bump allocator had none: sixteen pages of 64 KiB fill 1 MiB.
        IovaAllocator iovas = new(new Iova(0x800_0000), 0x10_0000, 16);
        for (ulong i = 0; i < 16; i++)
        {
            Assert.Equal(0x800_0000UL + (i << 16), Take(iovas, 1));
        }

        Assert.False(iovas.TryAllocate(1, out _));
        iovas.Free(new Iova(0x805_0000), 1);
        Assert.Equal(0x805_0000UL, Take(iovas, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(257)]
    [InlineData(ulong.MaxValue)]
    public void What_never_fits_is_refused(ulong granules) =>
        Assert.False(new IovaAllocator(new Iova(0), 0x10_0000, 12).TryAllocate(granules, out _));

    [Fact]
    public void Freeing_twice_or_what_was_never_taken_is_a_bug()
    {
        IovaAllocator iovas = new(new Iova(0x10_0000), 0x10_0000, 12);
        Iova taken = new(Take(iovas, 2));
        Assert.Throws<InvalidOperationException>(() => iovas.Free(taken, 3));
        Assert.Throws<InvalidOperationException>(() => iovas.Free(new Iova(0), 1));
        Assert.Throws<InvalidOperationException>(() => iovas.Free(new Iova(0x20_0000), 1));
        iovas.Free(taken, 2);
        Assert.Throws<InvalidOperationException>(() => iovas.Free(taken, 2));
        Assert.Equal(0, iovas.Used);
    }

    [Fact]
    public void A_huge_window_costs_nothing_until_it_is_used()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        IovaAllocator iovas = new(new Iova(0), 1UL << 47, 12);
        Take(iovas, 1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 0x1000);
    }

    [Fact]
    public void From_the_end_the_highest_run_is_taken_aligned_where_asked()
    {
        IovaAllocator iovas = new(default, 1UL << 32, 12, fromEnd: true);
        Assert.Equal(0xffff_f000UL, Take(iovas, 1));
        Assert.True(iovas.TryAllocate(16, 16, out Iova sixteen));
        Assert.Equal(0xfffe_0000UL, sixteen.Value);
        Assert.Equal(0xffff_e000UL, Take(iovas, 1));
        iovas.Free(new Iova(0xffff_f000), 1);
        Assert.Equal(0xffff_f000UL, Take(iovas, 1));
        // Longer than the tree counts exactly.
        Assert.True(iovas.TryAllocate(0x4000, 0x4000, out Iova large));
        Assert.Equal(0xf800_0000UL, large.Value);
    }

    [Fact]
    public void What_is_reserved_is_never_handed_out_and_only_once_reserved()
    {
        IovaAllocator iovas = new(default, 0x10_0000, 12);
        Assert.True(iovas.TryReserve(new Iova(0x1000), 2));
        Assert.False(iovas.TryReserve(new Iova(0x2000), 2));
        Assert.False(iovas.TryReserve(new Iova(0xf_f000), 2));
        Assert.Equal([0x0UL, 0x3000UL], [Take(iovas, 1), Take(iovas, 1)]);
        iovas.Free(new Iova(0x1000), 2);
        Assert.Equal(0x1000UL, Take(iovas, 2));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Any_sequence_answers_as_an_array_of_flags_would(bool fromEnd)
    {
        Gen<(bool, int, int, int)> step = from take in Gen.Frequency((3, Gen.Constant(true)), (2, Gen.Constant(false)))
                                          from count in Gen.Frequency((6, Gen.Choose(1, 3)), (2, Gen.Choose(30, 70)), (1, Gen.Choose(100, 1500)))
                                          from alignment in Gen.Elements(1, 1, 1, 4, 64)
                                          from which in Gen.Choose(0, 1000)
                                          select (take, count, alignment, which);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(200), Prop.ForAll(Arb.From(Gen.ArrayOf(step)), steps => Agree(steps, fromEnd)));
    }

    private static bool Agree((bool Take, int Count, int Alignment, int Which)[] steps, bool fromEnd)
    {
        const int Capacity = 3000;
        const int Start = 0x1_0001;
        IovaAllocator iovas = new(new Iova(Start * 0x4000UL), Capacity * 0x4000, 14, fromEnd);
        bool[] taken = new bool[Capacity];
        List<(int First, int Count)> runs = [];
        foreach ((bool take, int count, int alignment, int which) in steps)
        {
            if (take)
            {
                IEnumerable<int> starts = Enumerable.Range(0, Capacity - count + 1);
                int first = (fromEnd ? starts.Reverse() : starts).FirstOrDefault(start => (Start + start) % alignment == 0 && !taken.AsSpan(start, count).Contains(true), -1);
                Assert.Equal(first >= 0, iovas.TryAllocate((ulong)count, (ulong)alignment, out Iova iova));
                if (first >= 0)
                {
                    Assert.Equal((Start + (ulong)first) * 0x4000, iova.Value);
                    taken.AsSpan(first, count).Fill(true);
                    runs.Add((first, count));
                }
            }
            else if (runs.Count > 0)
            {
                (int first, int length) = runs[which % runs.Count];
                runs.RemoveAt(which % runs.Count);
                taken.AsSpan(first, length).Clear();
                iovas.Free(new Iova((Start + (ulong)first) * 0x4000), (ulong)length);
            }

            Assert.Equal(taken.Count(flag => flag), iovas.Used);
        }

        return true;
    }

    private static ulong Take(IovaAllocator iovas, ulong granules)
    {
        Assert.True(iovas.TryAllocate(granules, out Iova iova));
        return iova.Value;
    }
}
