using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

public class ReservedIovaDomainTests
{
    [Theory]
    [InlineData(0x800_0800, 0x10_0000, 12)]
    [InlineData(0x800_0000, 0x800, 12)]
    [InlineData(0x800_0000, 0, 12)]
    [InlineData(0x800_1000, 0x10_0000, 16)]
    [InlineData(0x800_0000, 0x10_0000, 11)]
    [InlineData(0x800_0000, 0x10_0000, -1)]
    [InlineData(0x800_0000, 0x10_0000, 64)]
    [InlineData(0x1_0000_0000_0000, 0x10_0000, 12)]
    [InlineData(0xffff_ffff_f000, 0x2000, 12)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, 12)]
    public void I3_a_window_that_is_misaligned_empty_or_past_the_aperture_is_EINVAL(ulong iova, ulong size, int order)
    {
        IommuDomain domain = new IommuHarness().Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.Equal(Errno.EINVAL, domain.AllocateReservedIovaDomain(new Iova(iova), size, order).Errno);
        Assert.Null(domain.ReservedIovas);
    }

    [Fact]
    public void I3_a_second_window_is_EEXIST_and_the_first_stays()
    {
        IommuHarness harness = new();
        ReservedIovaDomain first = harness.Window;
        Assert.Equal(Errno.EEXIST, harness.Domain.AllocateReservedIovaDomain(new Iova(0x1000_0000), 0x1000, 12).Errno);
        Assert.Same(first, harness.Window);
    }

    [Fact]
    public void I3_after_the_window_is_freed_there_can_be_another()
    {
        IommuHarness harness = new();
        harness.Domain.FreeReservedIovaDomain();
        Assert.True(harness.Domain.AllocateReservedIovaDomain(new Iova(0x1000_0000), 0x1000, 12).IsOk);
        Assert.Equal(new Iova(0x1000_0040), harness.Get(0x809_0040));
    }

    [Theory]
    [InlineData(IommuDomainType.Blocked)]
    [InlineData(IommuDomainType.Identity)]
    public void I3_a_domain_without_tables_has_no_window(IommuDomainType type) =>
        Assert.Equal(Errno.ENODEV, new IommuHarness().Iommu.AllocateDomain(type).AllocateReservedIovaDomain(new Iova(0x800_0000), 0x1000, 12).Errno);

    [Fact]
    public void I4_the_offset_in_the_granule_is_kept()
    {
        IommuHarness harness = new(windowSize: 0x10_0000, order: 16);
        Assert.Equal(new Iova(0x800_abcd), harness.Get(0x1234_abcd));
        Assert.Equal(0x1234_abcdUL, harness.Translate(new Iova(0x800_abcd)));
    }

    [Fact]
    public void I4_N2_a_doorbell_is_mapped_once_however_many_vectors_use_it_and_unmapped_with_the_last()
    {
        IommuHarness harness = new();
        Iova iova = harness.Get(0x809_0040);
        for (int vector = 1; vector < 10; vector++)
        {
            Assert.Equal(iova, harness.Get(0x809_0040));
        }

        Assert.Single(harness.Seen.OfType<IommuMapEvent>());
        Assert.Equal(10, Assert.Single(harness.Window.GetBindings()).References);
        for (int vector = 0; vector < 9; vector++)
        {
            harness.Domain.PutReservedIova(iova);
            Assert.Equal(0x809_0040UL, harness.Translate(iova));
        }

        harness.Domain.PutReservedIova(iova);
        Assert.Null(harness.Translate(iova));
        Assert.True(harness.Domain.IsEmpty);
        Assert.Equal(0, harness.Window.ReferenceCount);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], harness.Seen.OfType<DoorbellEvent>().Select(doorbell => doorbell.References));
    }

    [Fact]
    public void I4_a_range_may_span_granules_and_is_mapped_whole()
    {
        IommuHarness harness = new();
        Iova iova = harness.Get(0x809_0ff0, size: 0x2020);
        Assert.Equal(new Iova(0x800_0ff0), iova);
        Assert.Equal(0x4000UL, harness.Domain.MappedBytes);
        Assert.Equal(0x809_300fUL, harness.Translate(iova + 0x201f));
        harness.Domain.PutReservedIova(iova);
        Assert.True(harness.Domain.IsEmpty);
    }

    [Fact]
    public void I4_a_binding_that_covers_the_range_in_part_is_not_taken_for_it()
    {
        IommuHarness harness = new();
        Iova narrow = harness.Get(0x809_0040);

        Iova wide = harness.Get(0x809_0040, size: 0x1000);

        Assert.NotEqual(narrow, wide);
        Assert.Equal(0x809_103fUL, harness.Translate(wide + 0xfff));
        // The part that only the wide binding has, and the part that both have.
        Assert.Equal(wide + 0xfc0, harness.Get(0x809_1000));
        Assert.Equal(3, harness.Window.ReferenceCount);
        harness.Domain.PutReservedIova(wide);
        harness.Domain.PutReservedIova(wide + 0xfc0);
        Assert.Equal(0x809_0040UL, harness.Translate(narrow));
        Assert.Equal(0x1000UL, harness.Domain.MappedBytes);
        harness.Domain.PutReservedIova(narrow);
        Assert.True(harness.Domain.IsEmpty);
    }

    [Fact]
    public void I4_the_protection_is_stored_and_a_binding_that_allows_less_is_not_taken()
    {
        IommuHarness harness = new();
        Iova readable = harness.Get(0x809_0040, protection: IommuProtection.Read);
        Assert.Null(harness.Translate(readable));

        Iova writable = harness.Get(0x809_0040, protection: IommuProtection.Read | IommuProtection.Write);

        Assert.NotEqual(readable, writable);
        Assert.Equal(0x809_0040UL, harness.Translate(writable));
        Assert.Equal(writable, harness.Get(0x809_0040, protection: IommuProtection.Write));
        Assert.Equal(readable, harness.Get(0x809_0040, protection: IommuProtection.Read));
        Assert.Equal([IommuProtection.Read, IommuProtection.Read | IommuProtection.Write], harness.Window.GetBindings().Select(binding => binding.Protection));
    }

    [Fact]
    public void I4_each_of_ten_thousand_doorbells_is_found_again()
    {
        IommuHarness harness = new(windowSize: 1UL << 32);
        Dictionary<ulong, Iova> bound = [];
        Random random = new(7);
        while (bound.Count < 10_000)
        {
            ulong pa = ((ulong)random.NextInt64(1L << 36) << 12) + 0x40;
            if (!bound.ContainsKey(pa))
            {
                bound.Add(pa, harness.Get(pa));
            }
        }

        Assert.Equal(10_000, bound.Values.Distinct().Count());
        foreach ((ulong pa, Iova iova) in bound)
        {
            Assert.True(harness.Domain.TryGetBoundIova(new PhysicalAddress(pa), out Iova found));
            Assert.Equal(iova, found);
            Assert.Equal(pa, harness.Translate(iova));
            harness.Domain.PutReservedIova(iova);
            Assert.False(harness.Domain.TryGetBoundIova(new PhysicalAddress(pa), out _));
        }

        Assert.True(harness.Domain.IsEmpty);
    }

    [Theory]
    [InlineData(0x809_0040, 0, IommuProtection.Write)]
    [InlineData(0xffff_ffff_ffff_ffff, 2, IommuProtection.Write)]
    [InlineData(0x809_0040, 4, IommuProtection.NoExec)]
    public void I4_what_is_no_doorbell_is_EINVAL_and_leaves_nothing(ulong pa, ulong size, IommuProtection protection)
    {
        IommuHarness harness = new();
        Assert.Equal(Errno.EINVAL, harness.Domain.GetReservedIova(new PhysicalAddress(pa), size, protection).Errno);
        Assert.True(harness.Domain.IsEmpty);
    }

    [Fact]
    public void I5_without_a_window_it_is_EINVAL_and_in_a_blocked_domain_EOPNOTSUPP()
    {
        IommuHarness harness = new();
        Assert.Equal(Errno.EINVAL, harness.Iommu.AllocateDomain(IommuDomainType.Unmanaged).GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, harness.Iommu.UnattachedDomain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
    }

    [Fact]
    public void I5_N3_a_full_window_is_ENOMEM_and_nothing_is_mapped_outside_of_it()
    {
        IommuHarness harness = new(windowSize: 0x10_0000, order: 16);
        List<Iova> bound = [.. Enumerable.Range(0, 16).Select(frame => harness.Get(0x800_0000 + ((ulong)frame << 16)))];

        Result<Iova> refused = harness.Domain.GetReservedIova(new PhysicalAddress(0x900_0000), 4, IommuHarness.DoorbellProtection);

        Assert.Equal(Errno.ENOMEM, refused.Errno);
        Assert.Contains("16 of 16", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(0x10_0000UL, harness.Domain.MappedBytes);
        Assert.False(harness.Domain.TryTranslate(harness.Window.Last + 1, IommuProtection.Write, out _));
        harness.Domain.PutReservedIova(bound[5]);
        Assert.Equal(bound[5], harness.Get(0x900_0000));
    }

    [Fact]
    public void I5_when_the_mapping_fails_its_IOVA_is_given_back_and_nothing_is_left()
    {
        IommuHarness harness = new(options: new IommuOptions { TableLimit = 3 });
        Assert.Equal(Errno.ENOMEM, harness.Domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
        Assert.Equal(0, harness.Window.UsedGranules);
        Assert.False(harness.Domain.TryGetBoundIova(IommuHarness.Translater, out _));
        Assert.True(harness.Domain.IsEmpty);
        Assert.DoesNotContain("doorbell.bind", harness.Kinds);
    }

    [Fact]
    public void I7_N3_the_last_put_unlinks_then_unmaps_and_only_then_frees_the_IOVA()
    {
        IommuHarness harness = new();
        Iova iova = harness.Get(0x809_0040);
        Iova other = default;
        harness.Within<IommuUnmapEvent>(() =>
        {
            Assert.False(harness.Domain.TryGetBoundIova(IommuHarness.Translater, out _));
            Assert.Null(harness.Translate(iova));
            // Had the IOVA been free before the unmap was complete, this doorbell would get it.
            other = harness.Get(0x80a_0040);
        });

        harness.Domain.PutReservedIova(iova);

        Assert.Equal(new Iova(0x800_1040), other);
        Assert.Equal(new Iova(0x800_0040), harness.Get(0x80b_0040));
        Assert.Equal(["iommu.map", "doorbell.bind", "iommu.invalidate", "iommu.unmap"], harness.Kinds.Take(4));
    }

    [Theory]
    [InlineData(0x800_0040)]
    [InlineData(0x800_1040)]
    [InlineData(0x7ff_f000)]
    [InlineData(0x810_0000)]
    public void N2_a_put_without_a_get_is_a_bug(ulong iova)
    {
        IommuHarness harness = new();
        harness.Domain.PutReservedIova(harness.Get(0x809_0040));
        Assert.Throws<InvalidOperationException>(() => harness.Domain.PutReservedIova(new Iova(iova)));
    }

    [Fact]
    public void I8_freeing_the_window_unmaps_what_is_left_and_late_puts_find_nothing()
    {
        IommuHarness harness = new();
        Iova first = harness.Get(0x809_0040);
        Iova second = harness.Get(0x80a_0040);
        harness.Get(0x80a_0040);
        Assert.True(harness.Domain.Map(new Iova(0x4000_0000), new PhysicalAddress(0x1_0000_0000_0000), 0x1000, IommuProtection.Read).IsOk);

        harness.Domain.FreeReservedIovaDomain();

        Assert.Null(harness.Translate(first));
        Assert.Null(harness.Translate(second));
        Assert.Equal(0x1000UL, harness.Domain.MappedBytes);
        harness.Domain.PutReservedIova(first);
        harness.Domain.PutReservedIova(second);
        Assert.Equal([1, 2], harness.Seen.OfType<DoorbellUnbindEvent>().Select(unbind => unbind.References));
        Assert.Equal(Errno.EINVAL, harness.Domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
    }

    [Theory]
    [InlineData(DoorbellRetention.UntilLastReference)]
    [InlineData(DoorbellRetention.UntilDomainFreed)]
    public void I8_nothing_outlives_the_domain(DoorbellRetention retention)
    {
        IommuHarness harness = new(retention);
        Assert.True(harness.Iommu.Attach(new StreamId(8), harness.Domain).IsOk);
        Iova iova = harness.Get(0x809_0040);
        Assert.True(harness.Domain.Map(new Iova(0x4000_0000), new PhysicalAddress(0x1_0000_0000_0000), 0x4000_0000, IommuProtection.Read).IsOk);

        harness.Domain.Free();
        harness.Domain.Free();

        Assert.True(harness.Domain.IsEmpty);
        Assert.Equal(0UL, harness.Domain.MappedBytes);
        Assert.Null(harness.Domain.ReservedIovas);
        Assert.False(harness.Iommu.GetStream(new StreamId(8)).IsAttached);
        harness.Domain.PutReservedIova(iova);
        Assert.Equal(Errno.EINVAL, harness.Domain.Map(new Iova(0x4000_0000), new PhysicalAddress(0), 0x1000, IommuProtection.Read).Errno);
        Assert.Equal(Errno.EINVAL, harness.Domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x1000, 12).Errno);
        Assert.Equal(Errno.EINVAL, harness.Iommu.Attach(new StreamId(8), harness.Domain).Errno);
    }

    [Fact]
    public void I9_mainlines_cookie_counts_references_but_keeps_the_page_until_the_domain_goes()
    {
        IommuHarness harness = new(DoorbellRetention.UntilDomainFreed);
        Iova iova = harness.Get(0x809_0040);
        harness.Domain.PutReservedIova(iova);
        Assert.Equal(0x809_0040UL, harness.Translate(iova));
        Assert.True(harness.Domain.TryGetBoundIova(IommuHarness.Translater, out Iova bound));
        Assert.Equal(iova, bound);
        Assert.Equal(0, harness.Window.ReferenceCount);
        Assert.Throws<InvalidOperationException>(() => harness.Domain.PutReservedIova(iova));

        Assert.Equal(iova, harness.Get(0x809_0040));
        Assert.Equal(1, harness.Window.ReferenceCount);
        Assert.Single(harness.Seen.OfType<IommuMapEvent>());
        harness.Domain.Free();
        Assert.True(harness.Domain.IsEmpty);
    }

    [Fact]
    public void N5_the_user_can_neither_map_into_the_window_nor_unmap_a_doorbell()
    {
        IommuHarness harness = new();
        Iova doorbell = harness.Get(0x809_0040);
        foreach ((ulong iova, ulong size) in ((ulong, ulong)[])[(0x800_0000, 0x1000), (0x7ff_f000, 0x2000), (0x80f_f000, 0x2000), (0x0, 0x1000_0000), (0x808_0000, 0x1000)])
        {
            Assert.Equal(Errno.EINVAL, harness.Domain.Map(new Iova(iova), new PhysicalAddress(0x1_0000_0000_0000), size, IommuProtection.Read).Errno);
        }

        Assert.True(harness.Domain.Map(new Iova(0x7ff_f000), new PhysicalAddress(0x1_0000_0000_0000), 0x1000, IommuProtection.Read).IsOk);
        Assert.True(harness.Domain.Map(new Iova(0x810_0000), new PhysicalAddress(0x1_0000_0000_0000), 0x1000, IommuProtection.Read).IsOk);
        Assert.Equal(0UL, harness.Domain.Unmap(new Iova(0x800_0000), 0x10_0000));
        Assert.Equal(0x2000UL, harness.Domain.Unmap(new Iova(0), 1UL << 63));
        Assert.Equal(0x809_0040UL, harness.Translate(doorbell));
    }

    [Fact]
    public void N5_a_window_over_a_users_mapping_is_refused()
    {
        IommuHarness harness = new();
        IommuDomain domain = harness.Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.Map(new Iova(0x80f_f000), new PhysicalAddress(0x1_0000_0000_0000), 0x1000, IommuProtection.Read).IsOk);
        Assert.Equal(Errno.EADDRINUSE, domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x10_0000, 12).Errno);
    }

    [Fact]
    public void Looking_up_and_sharing_a_binding_allocate_nothing_while_nobody_listens()
    {
        Doorbell.Iommu.Iommu smmu = new("smmu", IommuModel.SmmuV3, new Doorbell.Events.EventStream());
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(IommuHarness.WindowBase, 0x10_0000, 12).IsOk);
        Assert.True(smmu.Attach(new StreamId(8), domain).IsOk);
        Iova iova = domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Value;
        StreamTableEntry stream = smmu.GetStream(new StreamId(8));
        Cycle(domain, stream, iova);
        Allocations.None(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                Cycle(domain, stream, iova);
            }
        });

        static void Cycle(IommuDomain domain, StreamTableEntry stream, Iova iova)
        {
            domain.TryGetBoundIova(IommuHarness.Translater, out _);
            domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection);
            domain.PutReservedIova(iova);
            stream.TryTranslate(iova, IommuProtection.Write, out _);
        }
    }
}
