using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

/// <summary>I3 to I8 hold whichever of the three forms the window has.</summary>
public class DoorbellFormTests
{
    public static TheoryData<DoorbellForm> Forms => new(Enum.GetValues<DoorbellForm>());

    [Theory]
    [MemberData(nameof(Forms))]
    public void I3_a_bad_window_is_EINVAL_and_a_second_one_EEXIST(DoorbellForm form)
    {
        IommuHarness harness = new(form);
        IommuDomain other = harness.Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.Equal(Errno.EINVAL, harness.AllocateWindow(other, new Iova(0x800_0800), 0x1000).Errno);
        Assert.Equal(Errno.EINVAL, harness.AllocateWindow(other, new Iova(0x800_0000), 0).Errno);
        Assert.Equal(Errno.EEXIST, harness.AllocateWindow(harness.Domain, new Iova(0x900_0000), 0x1000).Errno);
        Assert.Equal(IommuHarness.WindowBase, harness.Window.Base);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void I4_N2_a_doorbell_is_mapped_once_with_its_offset_and_each_user_counts(DoorbellForm form)
    {
        IommuHarness harness = new(form);
        Assert.Equal(new Iova(0x800_0040), harness.Get(0x809_0040));
        Assert.Equal(new Iova(0x800_0040), harness.Get(0x809_0040));
        Assert.Equal(new Iova(0x800_1040), harness.Get(0x80a_0040));
        Assert.Equal(2, harness.Seen.OfType<IommuMapEvent>().Count());
        Assert.Equal([2, 1], harness.Window.GetBindings().Select(binding => binding.References));
        Assert.Equal((3L, 2L), (harness.Window.ReferenceCount, harness.Window.UsedGranules));
        Assert.Equal(0x80a_0040UL, harness.Translate(new Iova(0x800_1040)));
    }

    [Theory]
    [InlineData(DoorbellForm.Series, Errno.ENOMEM)]
    [InlineData(DoorbellForm.Cookie, Errno.ENOMEM)]
    [InlineData(DoorbellForm.Iommufd, Errno.ENOSPC)]
    public void I5_I9_the_window_has_an_end_and_nothing_is_mapped_past_it(DoorbellForm form, Errno full)
    {
        IommuHarness harness = new(form, windowSize: 0x4000);
        for (ulong page = 0; page < 4; page++)
        {
            Assert.Equal(new Iova(0x800_0040 + (page << 12)), harness.Get(0x809_0040 + (page << 12)));
        }

        Result<Iova> fifth = harness.Domain.GetReservedIova(new PhysicalAddress(0x900_0040), 4, IommuHarness.DoorbellProtection);
        Assert.Equal(full, fifth.Errno);
        Assert.Contains("0x9000000", fifth.Reason, StringComparison.Ordinal);
        Assert.Null(harness.Translate(new Iova(0x800_4040)));
        Assert.Equal(4, harness.Domain.EntryCount);
        Assert.Equal(4, harness.Window.UsedGranules);
        // What was there goes on, and more of the same still fits.
        Assert.Equal(new Iova(0x800_1044), harness.Get(0x809_1044));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void I5_a_mapping_that_fails_leaves_nothing(DoorbellForm form)
    {
        IommuHarness harness = new(form, new IommuOptions { TableLimit = 1 });
        Assert.Equal(Errno.ENOMEM, harness.Domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
        Assert.True(harness.Domain.IsEmpty);
        Assert.Equal((0L, 0L), (harness.Window.UsedGranules, harness.Window.ReferenceCount));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void I6_two_racing_gets_end_with_one_mapping_and_two_references(DoorbellForm form)
    {
        IommuHarness harness = new(form);
        Iova winner = default;
        harness.Within<IommuMapEvent>(() => winner = harness.Get(0x809_0040));

        Iova loser = harness.Get(0x809_0040);

        Assert.Equal(winner, loser);
        Assert.Equal(2, Assert.Single(harness.Window.GetBindings()).References);
        Assert.Equal((0x1000UL, 1L), (harness.Domain.MappedBytes, harness.Window.UsedGranules));
        Assert.Equal(0x809_0040UL, harness.Translate(winner));
        harness.Domain.Free();
        Assert.True(harness.Domain.IsEmpty);
    }

    [Theory]
    [InlineData(DoorbellForm.Series, false)]
    [InlineData(DoorbellForm.Cookie, true)]
    [InlineData(DoorbellForm.Iommufd, true)]
    public void I7_I9_after_the_last_put_only_the_series_unmaps(DoorbellForm form, bool stays)
    {
        IommuHarness harness = new(form);
        Iova iova = harness.Get(0x809_0040);
        harness.Domain.PutReservedIova(iova);
        Assert.Equal(stays, harness.Translate(iova) == 0x809_0040UL);
        Assert.Equal(stays ? 1 : 0, harness.Window.BindingCount);
        Assert.Equal(0, harness.Window.ReferenceCount);
        Assert.Equal(iova, harness.Get(0x809_0040));
        Assert.Equal(stays ? 1 : 2, harness.Seen.OfType<IommuMapEvent>().Count());
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void I8_a_window_that_goes_takes_its_doorbells_and_late_puts_find_nothing(DoorbellForm form)
    {
        IommuHarness harness = new(form);
        Iova iova = harness.Get(0x809_0040);
        harness.Domain.FreeReservedIovaDomain();
        Assert.True(harness.Domain.IsEmpty);
        harness.Domain.PutReservedIova(iova);
        Assert.Null(harness.Translate(iova));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void I8_a_window_that_goes_while_a_get_maps_leaves_no_mapping(DoorbellForm form)
    {
        IommuHarness harness = new(form);
        harness.Within<IommuMapEvent>(harness.Domain.FreeReservedIovaDomain);
        Assert.Equal(Errno.EINVAL, harness.Domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
        Assert.True(harness.Domain.IsEmpty);
    }
}
