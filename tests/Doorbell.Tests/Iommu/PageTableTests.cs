using Doorbell.Iommu;

namespace Doorbell.Tests.Iommu;

public class PageTableTests
{
    private const IommuProtection ReadWrite = IommuProtection.Read | IommuProtection.Write;

    private static PageTable NewTable(ulong granule = 0x1000, int inputBits = 48) => new(PageTableFormat.Arm(granule, inputBits));

    [Theory]
    [InlineData(0x1000, 48, 0x40201000, 4)]
    [InlineData(0x1000, 39, 0x40201000, 3)]
    [InlineData(0x4000, 48, 0x2004000, 4)]
    [InlineData(0x4000, 47, 0x2004000, 3)]
    [InlineData(0x10000, 48, 0x20010000, 3)]
    [InlineData(0x10000, 42, 0x20010000, 2)]
    public void A_format_has_the_architectures_block_sizes_and_levels(ulong granule, int inputBits, ulong pageSizes, int levels)
    {
        PageTableFormat format = PageTableFormat.Arm(granule, inputBits);
        Assert.Equal(pageSizes, format.PageSizes);
        Assert.Equal(levels, format.Levels);
        Assert.Equal((1UL << inputBits) - 1, format.LastInput);
    }

    [Fact]
    public void Stage_2_with_40_bits_starts_at_two_concatenated_tables()
    {
        Assert.Equal(3, PageTableFormat.Arm(0x1000, 40, concatenated: true).Levels);
        PageTable table = new(PageTableFormat.Arm(0x1000, 40, concatenated: true));
        Assert.True(table.Map(new Iova(0xff_ffff_f000), new PhysicalAddress(0x1000), 0x1000, ReadWrite).IsOk);
        Assert.True(table.TryTranslate(new Iova(0xff_ffff_ffff), IommuProtection.Read, out PhysicalAddress pa, out _));
        Assert.Equal(new PhysicalAddress(0x1fff), pa);
    }

    [Theory]
    [InlineData(0x1000UL, 0x4000_0000UL)]
    [InlineData(0x1000UL, 0x20_0000UL)]
    [InlineData(0x4000UL, 0x200_0000UL)]
    [InlineData(0x10000UL, 0x2000_0000UL)]
    public void An_aligned_range_of_a_blocks_size_is_one_block(ulong granule, ulong block)
    {
        PageTable table = NewTable(granule);
        Assert.True(table.Map(new Iova(block * 3), new PhysicalAddress(block * 5), block, ReadWrite).IsOk);
        Assert.Equal(1, table.EntryCount);
        Assert.True(table.TryTranslate(new Iova((block * 3) + 0x1234), IommuProtection.Read, out PhysicalAddress pa, out ulong contiguous));
        Assert.Equal((block * 5) + 0x1234, pa.Value);
        Assert.Equal(block - 0x1234, contiguous);
    }

    [Theory]
    [InlineData(0x1000UL, 0x4000_0000UL, 0x20_0000UL)]
    [InlineData(0x1000UL, 0x20_0000UL, 0x1000UL)]
    [InlineData(0x4000UL, 0x200_0000UL, 0x4000UL)]
    [InlineData(0x10000UL, 0x2000_0000UL, 0x10000UL)]
    public void Where_only_one_of_the_addresses_is_aligned_smaller_blocks_are_used(ulong granule, ulong block, ulong smaller)
    {
        PageTable table = NewTable(granule);
        Assert.True(table.Map(new Iova(block * 3), new PhysicalAddress((block * 5) + smaller), block, ReadWrite).IsOk);
        Assert.Equal((long)(block / smaller), table.EntryCount);
        Assert.True(table.TryTranslate(new Iova((block * 4) - 1), IommuProtection.Read, out PhysicalAddress pa, out _));
        Assert.Equal((block * 6) + smaller - 1, pa.Value);

        Assert.True(table.Map(new Iova((block * 7) + smaller), new PhysicalAddress(block * 9), block, ReadWrite).IsOk);
        Assert.Equal(2 * (long)(block / smaller), table.EntryCount);
    }

    [Fact]
    public void A_block_replaces_the_emptied_tables_that_were_in_its_place()
    {
        PageTable table = NewTable();
        Assert.True(table.Map(new Iova(0x4000_0000), new PhysicalAddress(0x1000), 0x1000, ReadWrite).IsOk);
        Assert.Equal(0x1000UL, table.Unmap(new Iova(0x4000_0000), 0x1000));

        Assert.True(table.Map(new Iova(0x4000_0000), new PhysicalAddress(0x4000_0000), 0x4000_0000, ReadWrite).IsOk);

        Assert.Equal(1, table.EntryCount);
        Assert.Equal(2, table.TableCount);
    }

    [Fact]
    public void A_physical_address_keeps_its_space_in_the_top_bits()
    {
        PageTable table = NewTable();
        Assert.True(table.Map(new Iova(0), new PhysicalAddress(0xfffe_7fff_ffff_f000), 0x1000, IommuProtection.Write).IsOk);
        Assert.True(table.TryTranslate(new Iova(0xabc), IommuProtection.Write, out PhysicalAddress pa, out _));
        Assert.Equal(0xfffe_7fff_ffff_fabc, pa.Value);
    }

    [Theory]
    [InlineData(0x1000, 0x1000, 0, Errno.EINVAL)]
    [InlineData(0x1800, 0x1000, 0x1000, Errno.EINVAL)]
    [InlineData(0x1000, 0x1800, 0x1000, Errno.EINVAL)]
    [InlineData(0x1000, 0x1000, 0x1800, Errno.EINVAL)]
    [InlineData(0x1_0000_0000_0000, 0x1000, 0x1000, Errno.EINVAL)]
    [InlineData(0xffff_ffff_f000, 0x1000, 0x2000, Errno.EINVAL)]
    [InlineData(0x1000, 0x1000, 0xffff_ffff_ffff_f000, Errno.EINVAL)]
    [InlineData(0x1000, 0x1_ffff_ffff_f000, 0x2000, Errno.ERANGE)]
    [InlineData(0x1000, 0xffff_ffff_ffff_f000, 0x2000, Errno.ERANGE)]
    public void What_cannot_be_mapped_is_refused_and_changes_nothing(ulong iova, ulong pa, ulong size, Errno errno)
    {
        PageTable table = NewTable();
        Result refused = table.Map(new Iova(iova), new PhysicalAddress(pa), size, ReadWrite);
        Assert.Equal(errno, refused.Errno);
        Assert.Contains("0x", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(0, table.EntryCount);
        Assert.Equal(1, table.TableCount);
    }

    [Fact]
    public void A_mapping_that_nobody_may_read_or_write_is_refused() =>
        Assert.Equal(Errno.EINVAL, NewTable().Map(new Iova(0), new PhysicalAddress(0), 0x1000, IommuProtection.NoExec | IommuProtection.Mmio).Errno);

    [Theory]
    [InlineData(0x3f_f000, 0x2000)]
    [InlineData(0x5f_f000, 0x2000)]
    [InlineData(0x40_1000, 0x1000)]
    [InlineData(0x0, 0x80_0000)]
    public void A_map_that_touches_a_mapping_changes_nothing(ulong iova, ulong size)
    {
        PageTable table = NewTable();
        Assert.True(table.Map(new Iova(0x40_0000), new PhysicalAddress(0x1000_0000), 0x20_0000, ReadWrite).IsOk);

        Assert.Equal(Errno.EEXIST, table.Map(new Iova(iova), new PhysicalAddress(0x7000_0000), size, ReadWrite).Errno);

        Assert.Equal(0x20_0000UL, table.MappedBytes);
        Assert.False(table.TryTranslate(new Iova(0x3f_f000), IommuProtection.Read, out _, out _));
        Assert.False(table.TryTranslate(new Iova(0x60_0000), IommuProtection.Read, out _, out _));
        Assert.True(table.TryTranslate(new Iova(0x40_1000), IommuProtection.Read, out PhysicalAddress pa, out _));
        Assert.Equal(0x1000_1000UL, pa.Value);
    }

    [Fact]
    public void A_map_that_runs_out_of_tables_midway_is_undone()
    {
        // First table, one below it, one below that, and one page table: the range needs a second page table.
        PageTable table = new(PageTableFormat.Arm(0x1000, 48), tableLimit: 4);
        Assert.True(table.Map(new Iova(0x10_0000), new PhysicalAddress(0x1000), 0x1000, ReadWrite).IsOk);

        Assert.Equal(Errno.ENOMEM, table.Map(new Iova(0x1f_0000), new PhysicalAddress(0x8000_1000), 0x2_0000, ReadWrite).Errno);

        Assert.Equal(1, table.EntryCount);
        Assert.Equal(0x1000UL, table.MappedBytes);
        Assert.False(table.TryFindMapped(new Iova(0x1f_0000), 0x2_0000, out _));
        Assert.Equal(0x1000UL, table.Unmap(new Iova(0), 1UL << 47));
        Assert.Equal(1, table.TableCount);
    }

    [Fact]
    public void I5_A_table_that_has_come_past_its_limit_affords_nothing_more()
    {
        // 1 GiB as a block needs the first table and one below it; apart into pages it needs 513 more, of which 512 are known beforehand.
        const ulong Gib = 1UL << 30;
        PageTable table = new(PageTableFormat.Arm(0x1000, 48), tableLimit: 2 + 512);
        Assert.True(table.Map(new Iova(Gib), new PhysicalAddress(4 * Gib), Gib, ReadWrite).IsOk);
        Assert.True(table.AffordsRepoint(new Iova(Gib), new PhysicalAddress(4 * Gib), new PhysicalAddress((8 * Gib) + 0x1000), Gib));
        table.Repoint(new Iova(Gib), new PhysicalAddress((8 * Gib) + 0x1000), Gib, ReadWrite);
        Assert.Equal(2 + 513, table.TableCount);

        Assert.False(table.AffordsRepoint(new Iova(2 * Gib), new PhysicalAddress(4 * Gib), new PhysicalAddress(0x1000), Gib));
        Assert.Equal(Errno.ENOMEM, table.Map(new Iova(4 * Gib), new PhysicalAddress(0x1000), Gib, ReadWrite).Errno);
    }

    [Fact]
    public void A_block_that_sticks_out_of_an_unmap_is_not_split()
    {
        PageTable table = NewTable();
        Assert.True(table.Map(new Iova(0x20_0000), new PhysicalAddress(0x20_0000), 0x40_0000, ReadWrite).IsOk);

        Assert.Equal(0UL, table.Unmap(new Iova(0x20_0000), 0x1000));
        Assert.Equal(0x20_0000UL, table.Unmap(new Iova(0x30_0000), 0x40_0000));

        Assert.True(table.TryTranslate(new Iova(0x30_0000), IommuProtection.Read, out _, out _));
        Assert.False(table.TryTranslate(new Iova(0x40_0000), IommuProtection.Read, out _, out _));
    }

    [Fact]
    public void Unmapping_counts_bytes_and_leaves_no_more_than_one_idle_branch_of_tables()
    {
        PageTable table = NewTable();
        for (ulong i = 0; i < 64; i++)
        {
            Assert.True(table.Map(new Iova(i << 40), new PhysicalAddress(0x1000), 0x1000, ReadWrite).IsOk);
        }

        Assert.Equal(64UL * 0x1000, table.Unmap(new Iova(0), 1UL << 63));
        Assert.Equal(0UL, table.MappedBytes);
        Assert.InRange(table.TableCount, 1, table.Format.Levels);
        Assert.Equal(0UL, table.Unmap(new Iova(0), 1UL << 63));
        Assert.Equal(1, table.TableCount);
    }

    [Theory]
    [InlineData(1UL << 48)]
    [InlineData(1UL << 63)]
    [InlineData(0xffff_ffff_ffff_f000)]
    public void Unmapping_a_huge_range_that_hits_nothing_visits_the_first_table_only(ulong size)
    {
        PageTable table = NewTable();
        // Page by page this would take hours; a thousand of them take no time when absent branches are skipped whole.
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(0UL, table.Unmap(new Iova(0), size));
        }
    }

    [Fact]
    public void Access_is_allowed_bit_by_bit()
    {
        PageTable table = NewTable();
        Assert.True(table.Map(new Iova(0x1000), new PhysicalAddress(0x1000), 0x1000, IommuProtection.Read).IsOk);
        Assert.True(table.Map(new Iova(0x2000), new PhysicalAddress(0x2000), 0x1000, IommuProtection.Write).IsOk);

        Assert.True(table.TryTranslate(new Iova(0x1000), IommuProtection.Read, out _, out _));
        Assert.False(table.TryTranslate(new Iova(0x1000), IommuProtection.Write, out _, out _));
        Assert.False(table.TryTranslate(new Iova(0x2000), IommuProtection.Read, out _, out _));
        Assert.False(table.TryTranslate(new Iova(0x2000), ReadWrite, out _, out _));
        Assert.True(table.TryGetEntry(new Iova(0x2fff), out _, out ulong blockSize, out IommuProtection protection));
        Assert.Equal(0x1000UL, blockSize);
        Assert.Equal(IommuProtection.Write, protection);
    }

    [Fact]
    public void Translating_and_mapping_over_again_allocate_nothing()
    {
        PageTable table = NewTable();
        table.Map(new Iova(0x1000), new PhysicalAddress(0x1000), 0x1000, ReadWrite);
        Cycle(table);
        Allocations.None(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                Cycle(table);
            }
        });

        static void Cycle(PageTable table)
        {
            table.TryTranslate(new Iova(0x1000), IommuProtection.Read, out _, out _);
            table.Map(new Iova(0x80_0000_0000), new PhysicalAddress(0x1000), 0x1000, ReadWrite);
            table.Unmap(new Iova(0x80_0000_0000), 0x1000);
        }
    }

    [Fact]
    public void Readers_beside_a_writer_see_a_mapping_as_it_is_or_none()
    {
        const ulong Distance = 0x7_0000_0000_0000;
        PageTable table = NewTable();
        bool done = false;
        long wrong = 0;
        long hits = 0;
        Thread[] readers = [.. Enumerable.Range(0, 2).Select(seed => new Thread(() =>
        {
            Random random = new(seed);
            long found = 0;
            while (!Volatile.Read(ref done) || found == 0)
            {
                ulong iova = (ulong)random.NextInt64(0x100_0000);
                if (table.TryTranslate(new Iova(iova), IommuProtection.Read, out PhysicalAddress pa, out _))
                {
                    found++;
                    if (pa.Value != iova + Distance)
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }
            }

            Interlocked.Add(ref hits, found);
        }))];
        Array.ForEach(readers, reader => reader.Start());
        Random random = new(42);
        for (int i = 0; i < 50_000; i++)
        {
            ulong iova = (ulong)random.Next(16) << 20;
            ulong size = random.Next(3) switch { 0 => 0x20_0000UL, 1 => 0x1000UL, _ => 0x4_1000UL };
            table.Map(new Iova(iova), new PhysicalAddress(iova + Distance), size, ReadWrite);
            table.Unmap(new Iova((ulong)random.Next(16) << 20), 0x20_0000);
        }

        // Something for a reader that has found nothing yet.
        table.Unmap(new Iova(0), 1UL << 47);
        table.Map(new Iova(0), new PhysicalAddress(Distance), 0x100_0000, ReadWrite);
        Volatile.Write(ref done, true);
        Array.ForEach(readers, reader => reader.Join());
        Assert.Equal(0, wrong);
        Assert.NotEqual(0, hits);
    }
}
