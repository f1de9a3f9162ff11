using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

/// <summary>I9, iommufd's form.</summary>
public class SoftwareMsiTableTests
{
    [Fact]
    public void I9_a_doorbell_has_one_IOVA_in_every_domain_of_the_context_whatever_came_first_there()
    {
        IommuHarness harness = new(DoorbellForm.Iommufd);
        IommuDomain next = harness.NewDomain();
        Iova first = harness.Get(0x809_0040);
        Iova second = harness.Get(0x80a_0040);

        // The other order: a bump allocator of the domain's own would swap the two.
        Assert.Equal(second, next.GetReservedIova(new PhysicalAddress(0x80a_0040), 4, IommuHarness.DoorbellProtection).Value);
        Assert.Equal(first, next.GetReservedIova(new PhysicalAddress(0x809_0040), 4, IommuHarness.DoorbellProtection).Value);
        Assert.Equal(2, harness.Table.Count);
        Assert.Same(harness.Table, next.ReservedIovas!.Table);
    }

    [Fact]
    public void I9_only_what_a_domain_needs_is_mapped_in_it()
    {
        IommuHarness harness = new(DoorbellForm.Iommufd);
        IommuDomain next = harness.NewDomain();
        harness.Get(0x809_0040);
        Iova second = harness.Get(0x80a_0040);
        next.GetReservedIova(new PhysicalAddress(0x80a_0040), 4, IommuHarness.DoorbellProtection);
        Assert.Equal(1, next.EntryCount);
        Assert.Equal(1, next.ReservedIovas!.UsedGranules);
        Assert.True(next.TryTranslate(second, IommuProtection.Write, out _));
    }

    [Fact]
    public void I9_the_mapping_is_the_captured_one()
    {
        IommuHarness harness = new(DoorbellForm.Iommufd);
        harness.Get(0x809_0000, 0x1000);
        IommuMapEvent map = Assert.Single(harness.Seen.OfType<IommuMapEvent>());
        Assert.Equal((0x800_0000UL, 0x809_0000UL, 0x1000UL, 0x13), (map.Iova.Value, map.PhysicalAddress.Value, map.Size, (int)map.Protection));
    }

    [Fact]
    public void I9_another_context_begins_at_the_windows_start_again()
    {
        IommuHarness one = new(DoorbellForm.Iommufd);
        IommuHarness other = new(DoorbellForm.Iommufd);
        one.Get(0x809_0040);
        Assert.Equal(new Iova(0x800_0040), other.Get(0x80a_0040));
    }

    [Fact]
    public void I9_N3_a_place_is_kept_when_the_domain_that_asked_for_it_has_gone()
    {
        IommuHarness harness = new(DoorbellForm.Iommufd);
        Iova iova = harness.Get(0x809_0040);
        harness.Domain.Free();
        IommuDomain next = harness.NewDomain();
        Assert.Equal(new Iova(0x800_1040), next.GetReservedIova(new PhysicalAddress(0x80a_0040), 4, IommuHarness.DoorbellProtection).Value);
        Assert.Equal(iova, next.GetReservedIova(new PhysicalAddress(0x809_0040), 4, IommuHarness.DoorbellProtection).Value);
        Assert.True(harness.Table.TryGetOffset(IommuHarness.WindowBase, new PhysicalAddress(0x809_0000), 0x1000, out ulong offset));
        Assert.Equal(0UL, offset);
    }

    [Fact]
    public void Windows_are_apart_and_places_are_aligned_to_the_askers_granule()
    {
        SoftwareMsiTable table = new();
        Assert.Equal(0UL, table.GetOffset(new Iova(0x800_0000), 0x10_0000, new PhysicalAddress(0x809_0000), 0x1000, 0x1000).Value);
        Assert.Equal(0UL, table.GetOffset(new Iova(0x900_0000), 0x10_0000, new PhysicalAddress(0x80a_0000), 0x1000, 0x1000).Value);
        Assert.Equal(0x1_0000UL, table.GetOffset(new Iova(0x800_0000), 0x10_0000, new PhysicalAddress(0x80a_0000), 0x1_0000, 0x1_0000).Value);
        Assert.Equal(0x2_0000UL, table.GetOffset(new Iova(0x800_0000), 0x10_0000, new PhysicalAddress(0x80b_0000), 0x2000, 0x1000).Value);
        Assert.Equal(4, table.Count);
    }

    [Fact]
    public void I9_sixteen_pages_of_64_KiB_fill_a_MiB_and_the_seventeenth_is_ENOSPC_not_the_users_space()
    {
        SoftwareMsiTable table = new();
        for (ulong page = 0; page < 16; page++)
        {
            Assert.Equal(page << 16, table.GetOffset(new Iova(0x800_0000), 0x10_0000, new PhysicalAddress(0x1000_0000 + (page << 16)), 0x1_0000, 0x1_0000).Value);
        }

        Result<ulong> past = table.GetOffset(new Iova(0x800_0000), 0x10_0000, new PhysicalAddress(0x2000_0000), 0x1_0000, 0x1_0000);
        Assert.Equal(Errno.ENOSPC, past.Errno);
        Assert.Contains("I9", past.Reason, StringComparison.Ordinal);
        Assert.Equal(16, table.Count);
    }
}
