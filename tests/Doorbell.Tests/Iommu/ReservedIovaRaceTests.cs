using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

/// <summary>Two callers at once. An event is sent outside of every lock, so what a listener does is what another caller could do at that moment.</summary>
public class ReservedIovaRaceTests
{
    [Fact]
    public void I6_two_racing_gets_of_one_doorbell_end_with_one_mapping_and_two_references()
    {
        IommuHarness harness = new();
        Iova winner = default;
        harness.Within<IommuMapEvent>(() => winner = harness.Get(0x809_0040));

        Iova loser = harness.Get(0x809_0040);

        Assert.Equal(winner, loser);
        Assert.Equal(new Iova(0x800_1040), winner);
        Assert.Equal(2, Assert.Single(harness.Window.GetBindings()).References);
        Assert.Equal(0x1000UL, harness.Domain.MappedBytes);
        Assert.Equal(1, harness.Window.UsedGranules);
        harness.Domain.PutReservedIova(winner);
        harness.Domain.PutReservedIova(loser);
        Assert.True(harness.Domain.IsEmpty);
    }

    [Fact]
    public void I6_N3_the_losers_IOVA_is_unmapped_before_it_is_free()
    {
        IommuHarness harness = new();
        harness.Within<IommuMapEvent>(() => harness.Get(0x809_0040));
        Iova third = default;
        harness.Within<IommuUnmapEvent>(() =>
        {
            Assert.Null(harness.Translate(new Iova(0x800_0040)));
            Assert.Equal(2, harness.Window.UsedGranules);
            third = harness.Get(0x80a_0040);
        });

        harness.Get(0x809_0040);

        Assert.Equal(new Iova(0x800_2040), third);
        Assert.Equal(2, harness.Window.UsedGranules);
    }

    [Fact]
    public async Task I6_no_lock_is_held_while_a_page_is_mapped()
    {
        IommuHarness harness = new();
        Iova other = default;
        Task? another = null;
        harness.Within<IommuMapEvent>(() =>
        {
            another = Task.Run(() => other = harness.Get(0x80a_0040));
            Assert.True(another.Wait(TimeSpan.FromSeconds(30)));
        });
        harness.Get(0x809_0040);
        await another!;
        Assert.Equal(new Iova(0x800_1040), other);
    }

    [Fact]
    public void I7_a_get_between_unlink_and_unmap_makes_a_binding_of_its_own()
    {
        IommuHarness harness = new();
        Iova old = harness.Get(0x809_0040);
        Iova fresh = default;
        harness.Within<IommuUnmapEvent>(() => fresh = harness.Get(0x809_0040));

        harness.Domain.PutReservedIova(old);

        Assert.NotEqual(old, fresh);
        Assert.Equal(0x809_0040UL, harness.Translate(fresh));
        Assert.Equal(1, harness.Window.UsedGranules);
        harness.Domain.PutReservedIova(fresh);
        Assert.True(harness.Domain.IsEmpty);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void I8_a_window_that_goes_while_a_get_maps_leaves_no_mapping(bool wholeDomain)
    {
        IommuHarness harness = new();
        harness.Within<IommuMapEvent>(wholeDomain ? harness.Domain.Free : harness.Domain.FreeReservedIovaDomain);

        Assert.Equal(Errno.EINVAL, harness.Domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);

        Assert.True(harness.Domain.IsEmpty);
        Assert.Null(harness.Translate(new Iova(0x800_0040)));
    }

    [Theory]
    [InlineData(DoorbellRetention.UntilLastReference)]
    [InlineData(DoorbellRetention.UntilDomainFreed)]
    public async Task N2_N3_threads_that_get_and_put_at_will_leave_the_books_balanced(DoorbellRetention retention)
    {
        Doorbell.Iommu.Iommu smmu = new("smmu", IommuModel.SmmuV3, new Doorbell.Events.EventStream());
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(IommuHarness.WindowBase, 0x10_0000, 12, retention).IsOk);
        int wrong = 0;
        Task[] threads = [.. Enumerable.Range(0, 4).Select(seed => Task.Factory.StartNew(() =>
        {
            Random random = new(seed);
            for (int i = 0; i < 5000; i++)
            {
                ulong pa = 0x809_0040 + ((ulong)random.Next(3) << 12);
                Iova iova = domain.GetReservedIova(new PhysicalAddress(pa), 4, IommuHarness.DoorbellProtection).Value;
                // N1: while it holds the reference, nobody else's put or get takes the mapping away.
                if (!domain.TryTranslate(iova, IommuProtection.Write, out PhysicalAddress there) || there.Value != pa)
                {
                    Interlocked.Increment(ref wrong);
                }

                domain.PutReservedIova(iova);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        await Task.WhenAll(threads);
        Assert.Equal(0, wrong);
        Assert.Equal(0, domain.ReservedIovas!.ReferenceCount);
        Assert.Equal(domain.ReservedIovas.UsedGranules, domain.EntryCount);
        Assert.Equal(retention == DoorbellRetention.UntilLastReference ? 0 : 3, domain.ReservedIovas.BindingCount);
        domain.Free();
        Assert.True(domain.IsEmpty);
    }
}
