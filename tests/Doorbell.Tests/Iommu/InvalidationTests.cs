using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

/// <summary>Where an invalidation is forgotten, one of these fails: each has the translation in the cache before it is taken away.</summary>
public class InvalidationTests
{
    private const IommuProtection Access = IommuProtection.Read | IommuProtection.Write;
    private static readonly StreamId Igb = new(8);
    private static readonly Iova Page = new(0x4000_0000);

    private readonly IommuHarness _harness = new();

    private IommuDomain Domain => _harness.Domain;

    [Fact]
    public void N3_what_is_unmapped_faults_however_often_it_was_used_before()
    {
        Map(Page, 0x1_0000_0000_0000, 0x1000);
        Use(Page);
        Assert.Equal(0x1000UL, Domain.Unmap(Page, 0x1000));
        Assert.Null(_harness.Translate(Page));
        Assert.Equal((0, 1L), (Domain.CachedTranslations, Domain.InvalidationCount));
    }

    [Fact]
    public void N3_a_page_mapped_where_another_was_is_the_new_one_with_the_new_access()
    {
        Map(Page, 0x1_0000_0000_0000, 0x1000);
        Use(Page);
        Domain.Unmap(Page, 0x1000);
        Assert.True(Domain.Map(Page, new PhysicalAddress(0x2_0000_0000_0000), 0x1000, IommuProtection.Read).IsOk);
        Assert.Null(_harness.Translate(Page));
        Assert.Equal(0x2_0000_0000_0000UL, _harness.Translate(Page, IommuProtection.Read));
    }

    [Fact]
    public void N3_a_blocks_unmapping_takes_every_piece_of_it_that_is_cached()
    {
        Map(Page, 0x1_4000_0000, 1UL << 30);
        Assert.Equal(1, Domain.EntryCount);
        Iova[] pieces = [Page, Page + 0x1000, Page + 0x1234_5678, Page + 0x3fff_f000];
        foreach (Iova piece in pieces)
        {
            Use(piece);
        }

        Assert.Equal(pieces.Length, Domain.CachedTranslations);
        Domain.Unmap(Page, 1UL << 30);
        Assert.All(pieces, piece => Assert.Null(_harness.Translate(piece)));
        Assert.Equal(1, Domain.InvalidationCount);
    }

    [Fact]
    public void I7_N3_a_doorbells_IOVA_that_is_another_doorbells_now_never_leads_to_the_old_one()
    {
        Iova iova = _harness.Get(0x809_0040);
        Use(iova);
        Domain.PutReservedIova(iova);
        Assert.Null(_harness.Translate(iova));
        Assert.Equal(iova, _harness.Get(0x80a_0040));
        Assert.Equal(0x80a_0040UL, _harness.Translate(iova));
    }

    [Fact]
    public void I8_a_window_that_goes_takes_its_cached_doorbells()
    {
        Iova iova = _harness.Get(0x809_0040);
        Use(iova);
        Domain.FreeReservedIovaDomain();
        Assert.Null(_harness.Translate(iova));
        Assert.Equal(0, Domain.CachedTranslations);
    }

    [Fact]
    public void I8_a_freed_domain_translates_nothing()
    {
        Map(Page, 0x1_0000_0000_0000, 0x1000);
        Use(Page);
        Domain.Free();
        Assert.Null(_harness.Translate(Page));
        Assert.Equal(0, Domain.CachedTranslations);
    }

    [Fact]
    public void A_map_that_ran_out_of_tables_leaves_nothing_a_device_saw_of_it()
    {
        // The first page's tables are within the limit, the second's are not; a device may go through the first in between.
        IommuHarness harness = new(options: new IommuOptions { TableLimit = 4 });
        Iova start = new(0x3fff_f000);
        Assert.Equal(Errno.ENOMEM, harness.Domain.Map(start, new PhysicalAddress(0x1_0000_0000_0000), 0x2000, Access).Errno);
        Assert.Equal(1, harness.Domain.InvalidationCount);
        Assert.Null(harness.Translate(start));
    }

    [Fact]
    public void Nothing_is_invalidated_where_nothing_was_mapped()
    {
        Assert.Equal(0UL, Domain.Unmap(Page, 0x1000));
        Assert.Equal(0, Domain.InvalidationCount);
        Assert.DoesNotContain("iommu.invalidate", _harness.Kinds);
    }

    [Fact]
    public void Access_that_the_cached_translation_does_not_allow_is_looked_up_and_refused()
    {
        Assert.True(Domain.Map(Page, new PhysicalAddress(0x1_0000_0000_0000), 0x1000, IommuProtection.Read).IsOk);
        Assert.NotNull(_harness.Translate(Page, IommuProtection.Read));
        Assert.NotNull(_harness.Translate(Page, IommuProtection.Read));
        Assert.Equal(1, Domain.CachedTranslations);
        Assert.Null(_harness.Translate(Page));
        Assert.NotNull(_harness.Translate(Page, IommuProtection.Read));
    }

    [Fact]
    public void A_stream_that_was_attached_elsewhere_or_detached_goes_there_from_its_next_transaction_on()
    {
        IommuDomain other = _harness.NewDomain();
        Map(Page, 0x1_0000_0000_0000, 0x1000);
        Assert.True(other.Map(Page, new PhysicalAddress(0x2_0000_0000_0000), 0x1000, Access).IsOk);
        StreamTableEntry stream = _harness.Iommu.GetStream(Igb);
        Assert.Null(Send());
        Assert.True(_harness.Iommu.Attach(Igb, Domain).IsOk);
        Assert.Equal(0x1_0000_0000_0000UL, Send());
        Assert.True(_harness.Iommu.Attach(Igb, other).IsOk);
        Assert.Equal(0x2_0000_0000_0000UL, Send());
        _harness.Iommu.Detach(Igb);
        Assert.Null(Send());
        Assert.Equal(3, _harness.Iommu.StreamInvalidationCount);

        ulong? Send() => stream.TryTranslate(Page, IommuProtection.Write, out PhysicalAddress pa) ? pa.Value : null;
    }

    [Fact]
    public void I7_the_order_is_out_of_the_tables_then_invalidated_then_told()
    {
        Map(Page, 0x1_0000_0000_0000, 0x1000);
        Use(Page);
        _harness.Within<IommuInvalidateEvent>(() => Assert.Null(_harness.Translate(Page)));
        Domain.Unmap(Page, 0x1000);
        Assert.Equal(["iommu.map", "iommu.invalidate", "iommu.unmap"], _harness.Kinds);
    }

    [Fact]
    public void Being_served_from_the_cache_allocates_nothing()
    {
        Doorbell.Iommu.Iommu smmu = new("smmu", IommuModel.SmmuV3, new Doorbell.Events.EventStream());
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.Map(Page, new PhysicalAddress(0x1_0000_0000_0000), 0x10_0000, Access).IsOk);
        Assert.True(smmu.Attach(Igb, domain).IsOk);
        StreamTableEntry stream = smmu.GetStream(Igb);
        Allocations.None(() =>
        {
            for (ulong i = 0; i < 1000; i++)
            {
                stream.TryTranslate(Page + ((i & 0xff) << 12), IommuProtection.Write, out _);
                stream.TryTranslate(Page, IommuProtection.Write, out _);
            }
        });
        Assert.NotEqual(0, domain.CachedTranslations);
    }

    [Fact]
    public async Task N3_beside_readers_that_fill_the_cache_nothing_is_served_after_its_unmap_returned()
    {
        // The pages take turns at the same IOVAs; whoever reads sees one of them or a fault, and after the unmap none.
        Doorbell.Iommu.Iommu smmu = new("smmu", IommuModel.SmmuV3, new Doorbell.Events.EventStream());
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.Map(Page + 0x10_0000, new PhysicalAddress(0x3_0000_0000_0000), 0x1000, Access).IsOk);
        bool stop = false;
        int wrong = 0;
        Task[] readers = [.. Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (!Volatile.Read(ref stop))
                {
                    for (ulong i = 0; i < 4; i++)
                    {
                        if (domain.TryTranslate(Page + (i << 12), IommuProtection.Write, out PhysicalAddress pa) && (pa.Value & 0xffff_ffff_ffff) != i << 12)
                        {
                            Interlocked.Increment(ref wrong);
                        }
                    }
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        for (ulong turn = 1; turn <= 20_000; turn++)
        {
            ulong space = turn << 48;
            Iova iova = Page + ((turn & 3) << 12);
            Assert.True(domain.Map(iova, new PhysicalAddress(space | ((turn & 3) << 12)), 0x1000, Access).IsOk);
            for (int use = 0; use < 3; use++)
            {
                Assert.True(domain.TryTranslate(iova, IommuProtection.Write, out PhysicalAddress pa));
                Assert.Equal(space, pa.Value & ~0xffff_ffff_ffffUL);
            }

            domain.Unmap(iova, 0x1000);
            Assert.False(domain.TryTranslate(iova, IommuProtection.Write, out _));
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(readers);
        Assert.Equal(0, wrong);
        Assert.Equal(20_000, domain.InvalidationCount);
    }

    private void Map(Iova iova, ulong pa, ulong size) => Assert.True(Domain.Map(iova, new PhysicalAddress(pa), size, Access).IsOk);

    // Twice to be taken in, and once to be served.
    private void Use(Iova iova)
    {
        int before = Domain.CachedTranslations;
        for (int i = 0; i < 3; i++)
        {
            Assert.NotNull(_harness.Translate(iova));
        }

        Assert.Equal(before + 1, Domain.CachedTranslations);
    }
}
