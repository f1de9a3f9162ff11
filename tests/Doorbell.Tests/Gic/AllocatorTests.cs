using Doorbell.Gic;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Gic;

public class AllocatorTests
{
    [Theory]
    [InlineData(80u, 64u, 3, 80u)]
    [InlineData(83u, 61u, 3, 84u)]
    [InlineData(65u, 10u, 8, 0u)]
    [InlineData(65u, 15u, 8, 72u)]
    public void M10_A_block_is_aligned_to_its_size_by_the_number_itself(uint first, uint count, int wanted, uint expected)
    {
        var ids = new AlignedIdAllocator(first, count);
        Assert.Equal(expected != 0, ids.TryAllocate(wanted, out uint id));
        Assert.Equal(expected, id);
    }

    [Fact]
    public void A_freed_block_is_whole_again_where_Linux_leaks_its_rounding()
    {
        var ids = new AlignedIdAllocator(0, 16);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(ids.TryAllocate(3, out uint id));
            Assert.Equal(0u, id);
            ids.Free(id, 3);
        }

        Assert.True(ids.TryAllocate(16, out _));
    }

    [Fact]
    public void Freeing_twice_is_a_bug_that_is_told()
    {
        var ids = new AlignedIdAllocator(0, 4);
        Assert.True(ids.TryAllocate(1, out uint id));
        ids.Free(id, 1);
        Assert.Throws<InvalidOperationException>(() => ids.Free(id, 1));
    }

    [Fact]
    public void Whatever_is_allocated_and_freed_no_two_blocks_overlap_and_all_comes_back()
    {
        Prop.ForAll(Gen.Choose(0, 1000).ArrayOf(60).ToArbitrary(), steps =>
        {
            var ids = new AlignedIdAllocator(96, 128);
            var lpis = new LpiAllocator(8192, 512);
            var blocks = new List<(uint Id, int Wanted, uint Lpi)>();
            foreach (int step in steps)
            {
                if (step % 3 == 0 && blocks.Count > 0)
                {
                    (uint id, int wanted, uint lpi) = blocks[step % blocks.Count];
                    blocks.RemoveAt(step % blocks.Count);
                    ids.Free(id, wanted);
                    lpis.Free(lpi, AlignedIdAllocator.BlockSize(wanted));
                }
                else
                {
                    int wanted = 1 + (step % 17);
                    uint size = AlignedIdAllocator.BlockSize(wanted);
                    if (ids.TryAllocate(wanted, out uint id))
                    {
                        Assert.True(lpis.TryAllocate(size, out uint lpi));
                        Assert.Equal(0u, id % size);
                        Assert.True(id >= 96 && id + size <= 224);
                        Assert.DoesNotContain(blocks, b => id < b.Id + AlignedIdAllocator.BlockSize(b.Wanted) && b.Id < id + size);
                        Assert.DoesNotContain(blocks, b => lpi < b.Lpi + AlignedIdAllocator.BlockSize(b.Wanted) && b.Lpi < lpi + size);
                        blocks.Add((id, wanted, lpi));
                    }
                }
            }

            Assert.Equal(blocks.Sum(b => AlignedIdAllocator.BlockSize(b.Wanted)), ids.InUse);
            foreach ((uint id, int wanted, uint lpi) in blocks)
            {
                ids.Free(id, wanted);
                lpis.Free(lpi, AlignedIdAllocator.BlockSize(wanted));
            }

            Assert.True(ids.TryAllocate(64, out uint last));
            Assert.Equal(128u, last);
            Assert.True(lpis.TryAllocate(512, out uint all));
            Assert.Equal(8192u, all);
        }).QuickCheckThrowOnFailure();
    }
}
