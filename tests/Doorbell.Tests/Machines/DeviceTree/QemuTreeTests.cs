using Doorbell.Machines;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>The machines read out of the device trees QEMU gave its boards are those that people described (machines/virt-*.yaml).</summary>
public class QemuTreeTests
{
    [Theory]
    [InlineData("virt-gicv3")]
    [InlineData("virt-gicv2m")]
    public void The_machine_of_a_board_s_device_tree_has_the_addresses_and_maps_of_its_description(string name)
    {
        MachineDescription tree = TestTrees.Load(name), described = TestMachines.Load(name);
        Assert.Equal((described.Name, described.Architecture, described.Cpus, described.PageSize), (tree.Name, tree.Architecture, tree.Cpus, tree.PageSize));
        Assert.Equal(described.Memory, tree.Memory);
        Assert.Equal(described.MsiControllers.SelectMany(controller => controller.Frames), tree.MsiControllers.SelectMany(controller => controller.Frames));
        Assert.Equal(described.MsiControllers.Select(controller => controller.GetType()), tree.MsiControllers.Select(controller => controller.GetType()));

        IommuDescription iommu = Assert.Single(tree.Iommus), describedIommu = Assert.Single(described.Iommus);
        Assert.Equal((describedIommu.Model, describedIommu.Registers, describedIommu.InputBits, describedIommu.MsiWindow), (iommu.Model, iommu.Registers, iommu.InputBits, iommu.MsiWindow));
        Assert.Equal(describedIommu.Granules, iommu.Granules);

        PciHostDescription host = Assert.Single(tree.PciHosts), describedHost = Assert.Single(described.PciHosts);
        Assert.Equal((describedHost.Segment, describedHost.FirstBus, describedHost.LastBus, describedHost.Ecam), (host.Segment, host.FirstBus, host.LastBus, host.Ecam));
        Assert.Equal(describedHost.Windows, host.Windows);
        Assert.Equal(Rows(describedHost.IommuMap), Rows(host.IommuMap));
        Assert.Equal(Rows(describedHost.MsiMap), Rows(host.MsiMap));
    }

    [Theory]
    [InlineData("virt-gicv3", true)]
    [InlineData("virt-gicv2m", false)]
    public void V3_The_verdict_is_the_description_s(string name, bool isolated)
    {
        MachineSurvey tree = Survey(TestTrees.Load(name)), described = Survey(TestMachines.Load(name));
        Assert.Equal((isolated, true), (tree.IsIsolated, tree.IsTranslated));
        Assert.Equal((isolated, true), (described.IsIsolated, described.IsTranslated));

        // The ports are not the board's, so that only a place both have can be compared: below the first port.
        SlotSurvey slot = tree.Slots[0], other = described.Slots[0];
        Assert.Equal((other.Device.Address, other.Device.StreamId, other.Device.DeviceId), (slot.Device.Address, slot.Device.StreamId, slot.Device.DeviceId));
        Assert.Single(slot.Group!.Devices);
        Assert.Equal(other.Device.ReservedRegions, slot.Device.ReservedRegions);
    }

    [Fact]
    public void Without_an_IOMMU_VFIO_offers_nothing()
    {
        MachineSurvey survey = Survey(TestTrees.Load("virt-gicv3-noiommu"));
        Assert.Equal((true, false), (survey.IsIsolated, survey.IsTranslated));
        Assert.Empty(survey.Machine.Groups);
        Assert.All(survey.Slots, slot => Assert.Null(slot.Group));
    }

    [Fact]
    public void M10_A_frame_whose_SPIs_the_tree_does_not_name_gets_some_that_nothing_else_uses_and_that_is_said()
    {
        // The board's MSI_TYPER says 80 to 143; QEMU's tree does not.
        MachineDescription machine = TestTrees.Load("virt-gicv2m");
        GicV2mFrameDescription frame = Assert.Single(Assert.IsType<GicV2mDescription>(Assert.Single(machine.MsiControllers)).MsiFrames);
        Assert.Equal((32u, 0u), (frame.SpiCount, frame.SpiBase % 32));

        // QEMU: serial ports, clock, PCI's INTx and virtio devices have INTIDs 33 to 79.
        Assert.InRange(frame.SpiBase, 80u, 1019u);
        Assert.Contains(machine.Notes, note => note.Contains("MSI_TYPER", StringComparison.Ordinal));
    }

    private static MachineSurvey Survey(MachineDescription machine)
    {
        Result<MachineSurvey> survey = MachineSurvey.Of(machine);
        Assert.True(survey.IsOk, survey.Reason);
        return survey.Value;
    }

    // Names differ: a tree has its nodes', a description its author's.
    private static IEnumerable<(uint RidBase, uint OutputBase, uint Length, ushort Mask)> Rows(IdMap map) =>
        map.Entries.Select(entry => (entry.RidBase, entry.OutputBase, entry.Length, map.Mask));
}
