using Doorbell.Iommu;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>V4: a group is viable when each of its devices is vfio-pci's, nobody's or a bridge (captures, group-*.jsonl).</summary>
public class ViabilityTests
{
    [Theory]
    [InlineData(null, null, true)]
    [InlineData(PassthroughDevice.VfioDriver, null, true)]
    [InlineData("nvme", null, false)]
    [InlineData(PassthroughDevice.VfioDriver, "nvme", false)]
    [InlineData(null, "e1000", false)]
    public void V4_the_drivers_of_every_member_decide_and_a_bridges_does_not(string? second, string? third, bool isViable)
    {
        Rig rig = new();
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughDevice first = rig.Device(1, iommu, rig.Its);
        PassthroughDevice other = rig.Device(2, iommu, rig.Its);
        PassthroughDevice last = rig.Device(3, iommu, rig.Its);
        (other.Driver, last.Driver) = (second, third);
        PassthroughGroup members = rig.Group(first, rig.Bridge(4, iommu, rig.Its), other, last);
        VfioGroup group = rig.Open(members);
        Assert.Equal(isViable ? VfioGroupFlags.Viable : VfioGroupFlags.None, group.GetStatus());

        VfioContainer container = rig.Host.OpenContainer();
        Result joined = group.SetContainer(container);
        Assert.Equal(isViable ? Errno.None : Errno.EPERM, joined.Errno);
        if (!isViable)
        {
            PassthroughDevice obstacle = third is null ? other : last;
            Assert.Contains($"{obstacle.Name} is bound to {obstacle.Driver}", joined.Reason, StringComparison.Ordinal);
            Assert.Equal("V4", rig.Refusals.Single().Rule);
            Assert.False(group.GetStatus().HasFlag(VfioGroupFlags.ContainerSet));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("pcieport")]
    public void V4_a_group_of_which_no_device_is_vfio_pcis_has_no_file_to_open(string? driver)
    {
        Rig rig = new();
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughDevice device = rig.Device(1, iommu, rig.Its);
        device.Driver = driver;
        PassthroughGroup group = rig.Group(device, rig.Bridge(2, iommu, rig.Its));
        Assert.Equal(Errno.ENOENT, rig.Host.OpenGroup(group.Id).Errno);
    }

    [Fact]
    public void V4_only_what_is_bound_to_vfio_pci_can_be_opened_of_a_viable_group()
    {
        Rig rig = new();
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughDevice bound = rig.Device(1, iommu, rig.Its);
        PassthroughDevice free = rig.Device(2, iommu, rig.Its);
        PassthroughDevice bridge = rig.Bridge(3, iommu, rig.Its);
        free.Driver = null;
        (_, VfioGroup group) = rig.Contain(rig.Group(bound, free, bridge));
        Board.Ok(group.OpenDevice(bound.Name));
        Assert.Equal(Errno.ENODEV, group.OpenDevice(free.Name).Errno);
        Assert.Equal(Errno.ENODEV, group.OpenDevice(bridge.Name).Errno);

        // All of them are in the domain nevertheless: what they send must not pass beside it.
        Assert.All(new[] { bound, free, bridge }, device => Assert.Same(Rig.DomainOf(bound), Rig.DomainOf(device)));
    }
}
