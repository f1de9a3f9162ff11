using Doorbell.Iommu;

namespace Doorbell.Tests.Iommu;

public class IommuGroupTests
{
    [Fact]
    public void All_devices_of_a_group_move_together()
    {
        IommuHarness harness = new();
        IommuGroup group = new(3, harness.Iommu);
        group.Add(new IommuGroupDevice("0000:00:07.0", new StreamId(0x300)));
        group.Add(new IommuGroupDevice("0000:03:01.0", new StreamId(0x300)));
        group.Add(new IommuGroupDevice("0000:00:09.0", new StreamId(0x48)));

        Assert.True(group.Attach(harness.Domain).IsOk);

        Assert.Same(harness.Domain, group.Domain);
        Assert.All(group.Devices, device => Assert.Same(harness.Domain, harness.Iommu.GetStream(device.StreamId).Domain));
        Assert.Throws<InvalidOperationException>(() => group.Add(new IommuGroupDevice("0000:00:0a.0", new StreamId(0x50))));
        group.Detach();
        Assert.All(group.Devices, device => Assert.False(harness.Iommu.GetStream(device.StreamId).IsAttached));
        Assert.Same(harness.Iommu.UnattachedDomain, group.Domain);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void When_one_device_cannot_be_attached_all_are_where_they_were(bool attachedBefore)
    {
        IommuHarness harness = new(options: new IommuOptions { StreamIdBits = 8 });
        IommuGroup group = new(3, harness.Iommu);
        group.Add(new IommuGroupDevice("0000:00:09.0", new StreamId(0x48)));
        if (attachedBefore)
        {
            Assert.True(group.Attach(harness.Domain).IsOk);
            group.Detach();
        }

        group.Add(new IommuGroupDevice("0000:01:00.0", new StreamId(0x100)));
        Result refused = group.Attach(harness.Domain);

        Assert.Equal(Errno.ERANGE, refused.Errno);
        Assert.Contains("0000:01:00.0", refused.Reason, StringComparison.Ordinal);
        Assert.False(harness.Iommu.GetStream(new StreamId(0x48)).IsAttached);
        Assert.Same(harness.Iommu.UnattachedDomain, group.Domain);
    }

    [Fact]
    public void A_refused_replacement_leaves_the_group_in_its_domain()
    {
        IommuHarness harness = new();
        IommuGroup group = new(3, harness.Iommu);
        group.Add(new IommuGroupDevice("0000:00:09.0", new StreamId(0x48)));
        Assert.True(group.Attach(harness.Domain).IsOk);
        IommuDomain freed = harness.Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        freed.Free();
        Assert.Equal(Errno.EINVAL, group.Attach(freed).Errno);
        Assert.Same(harness.Domain, harness.Iommu.GetStream(new StreamId(0x48)).Domain);
        Assert.Same(harness.Domain, group.Domain);
    }

    [Fact]
    public void I9_the_reserved_regions_of_every_device_count_not_just_the_firsts()
    {
        IommuHarness harness = new();
        IommuGroup group = new(3, harness.Iommu);
        group.Add(new IommuGroupDevice("0000:00:09.0", new StreamId(0x48)));
        group.Add(new IommuGroupDevice("0000:00:09.1", new StreamId(0x49))
        {
            ReservedRegions = [new(new Iova(0x4000), 0x1000, ReservedRegionType.Direct), new(new Iova(0x3000), 0x1000, ReservedRegionType.Direct)],
        });
        group.Add(new IommuGroupDevice("0000:00:09.2", new StreamId(0x4a))
        {
            ReservedRegions = [new(new Iova(0x3800), 0x800, ReservedRegionType.Direct), new(new Iova(0x3000), 0x1000, ReservedRegionType.Reserved), new(new Iova(0x8000), 0x1000, ReservedRegionType.Direct)],
        });

        Assert.Equal(
            [
                new ReservedRegion(new Iova(0x3000), 0x2000, ReservedRegionType.Direct),
                new ReservedRegion(new Iova(0x3000), 0x1000, ReservedRegionType.Reserved),
                new ReservedRegion(new Iova(0x8000), 0x1000, ReservedRegionType.Direct),
                ReservedRegion.DefaultSoftwareMsi,
            ],
            group.GetReservedRegions());
    }
}
