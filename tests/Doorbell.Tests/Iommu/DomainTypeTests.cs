using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

/// <summary>What a domain of each type does with its owner's calls; and the regions every device's domain must have.</summary>
public class DomainTypeTests
{
    private const IommuProtection Access = IommuProtection.Read | IommuProtection.Write;

    private readonly IommuHarness _harness = new();

    [Theory]
    [InlineData(IommuDomainType.Blocked, Errno.ENODEV, Errno.EOPNOTSUPP, Errno.ENODEV, true)]
    [InlineData(IommuDomainType.Identity, Errno.ENODEV, Errno.EINVAL, Errno.ENODEV, false)]
    [InlineData(IommuDomainType.Unmanaged, Errno.None, Errno.EINVAL, Errno.ENODEV, true)]
    [InlineData(IommuDomainType.Dma, Errno.None, Errno.None, Errno.None, true)]
    public void Each_type_answers_map_doorbell_and_DMA_map_its_own_way(IommuDomainType type, Errno map, Errno doorbell, Errno dma, bool msiMapping)
    {
        IommuDomain domain = _harness.Iommu.AllocateDomain(type);
        Assert.Equal(map, domain.Map(new Iova(0x1000), new PhysicalAddress(0x1000), 0x1000, Access).Errno);
        Assert.Equal(doorbell, domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Errno);
        Assert.Equal(dma, domain.MapDma(new PhysicalAddress(0x1000), 0x1000, Access).Errno);
        Assert.Equal(msiMapping, domain.MsiMapping);
    }

    [Fact]
    public void I9_a_host_drivers_doorbell_is_at_the_top_of_the_32_bits_as_captured()
    {
        IommuDomain domain = _harness.Iommu.AllocateDomain(IommuDomainType.Dma);
        Assert.Equal(new Iova(0xffff_f040), domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Value);
        IommuMapEvent map = Assert.Single(_harness.Seen.OfType<IommuMapEvent>());
        Assert.Equal((0xffff_f000UL, 0x809_0000UL, 0x1000UL, 0x1a), (map.Iova.Value, map.PhysicalAddress.Value, map.Size, (int)map.Protection));
        Assert.Equal(new Iova(0xffff_f040), domain.GetReservedIova(IommuHarness.Translater, 4, IommuHarness.DoorbellProtection).Value);

        // What the driver maps comes below it, and the doorbell stays until the domain goes.
        Assert.Equal(new Iova(0xffff_e000), domain.MapDma(new PhysicalAddress(0x5000), 0x1000, Access).Value);
        domain.PutReservedIova(new Iova(0xffff_f040));
        domain.PutReservedIova(new Iova(0xffff_f040));
        Assert.True(domain.TryTranslate(new Iova(0xffff_f040), IommuProtection.Write, out _));
        domain.Free();
        Assert.True(domain.IsEmpty);
    }

    [Fact]
    public void I4_a_host_drivers_doorbells_are_told_apart_and_span_granules()
    {
        IommuDomain domain = _harness.Iommu.AllocateDomain(IommuDomainType.Dma);
        Iova one = domain.GetReservedIova(new PhysicalAddress(0x809_0040), 4, IommuHarness.DoorbellProtection).Value;
        Iova two = domain.GetReservedIova(new PhysicalAddress(0x900_0ff0), 0x20, IommuHarness.DoorbellProtection).Value;
        Assert.Equal((0xffff_f040UL, 0xffff_cff0UL), (one.Value, two.Value));
        Assert.Equal([0xffff_c000UL, 0xffff_f000UL], domain.ReservedIovas!.GetBindings().Select(binding => binding.Iova.Value));
        Assert.Equal(3, domain.ReservedIovas.UsedGranules);
        domain.PutReservedIova(two);
        domain.PutReservedIova(one);
        Assert.Throws<InvalidOperationException>(() => domain.PutReservedIova(one));
    }

    [Fact]
    public void The_DMA_API_maps_from_the_top_aligned_and_goes_above_4_GiB_only_when_below_is_full()
    {
        IommuDomain domain = _harness.Iommu.AllocateDomain(IommuDomainType.Dma);
        Assert.Equal(new Iova(0xffff_0000), domain.MapDma(new PhysicalAddress(0x10_0000), 0x1_0000, Access).Value);
        Assert.Equal(new Iova(0x8000_0000), domain.MapDma(new PhysicalAddress(0x4000_0000), 0x4000_0000, Access).Value);
        for (int block = 0; block < 2; block++)
        {
            Assert.True(domain.MapDma(new PhysicalAddress(0x4000_0000), 0x2000_0000, Access).IsOk);
        }

        Iova above = domain.MapDma(new PhysicalAddress(0x8000_0000), 0x8000_0000, Access).Value;
        Assert.Equal(0xffff_8000_0000UL, above.Value);
        domain.UnmapDma(above, 0x8000_0000);
        Assert.False(domain.TryTranslate(above, IommuProtection.Read, out _));
        Assert.Throws<InvalidOperationException>(() => domain.UnmapDma(above, 0x8000_0000));
    }

    [Fact]
    public void I9_direct_regions_are_mapped_one_to_one_before_the_attach_and_reserved_ones_never_handed_out()
    {
        IommuDomain domain = _harness.Iommu.AllocateDomain(IommuDomainType.Dma);
        ReservedRegion[] regions =
        [
            new(new Iova(0xffff_f000), 0x1000, ReservedRegionType.Reserved),
            new(new Iova(0xffff_c000), 0x2000, ReservedRegionType.Direct),
            ReservedRegion.DefaultSoftwareMsi,
        ];
        Assert.True(domain.MapReservedRegions(regions).IsOk);
        Assert.True(domain.MapReservedRegions(regions).IsOk);
        Assert.Equal(0x2000UL, domain.MappedBytes);
        Assert.True(domain.TryTranslate(new Iova(0xffff_d123), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(0xffff_d123UL, pa.Value);
        Assert.Equal(new Iova(0xffff_e000), domain.MapDma(new PhysicalAddress(0x5000), 0x1000, Access).Value);
        Assert.Equal(new Iova(0xffff_b000), domain.MapDma(new PhysicalAddress(0x5000), 0x1000, Access).Value);
    }

    [Fact]
    public void I9_the_regions_of_every_device_of_a_group_count_and_those_that_touch_are_one()
    {
        ReservedRegion[] first = [ReservedRegion.DefaultSoftwareMsi];
        ReservedRegion[] second = [new(new Iova(0x2000), 0x1000, ReservedRegionType.Direct), ReservedRegion.DefaultSoftwareMsi, new(new Iova(0x3000), 0x2000, ReservedRegionType.Direct)];
        ReservedRegion[] third = [new(new Iova(0x2800), 0x100, ReservedRegionType.Reserved)];
        Assert.Equal(
            [new(new Iova(0x2000), 0x3000, ReservedRegionType.Direct), new(new Iova(0x2800), 0x100, ReservedRegionType.Reserved), ReservedRegion.DefaultSoftwareMsi],
            ReservedRegion.Merge([.. first, .. second, .. third]));
    }
}
