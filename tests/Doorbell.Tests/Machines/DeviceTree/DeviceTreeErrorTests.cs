using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>What is wrong with a device tree is said with node, property and what was expected.</summary>
public class DeviceTreeErrorTests
{
    private const string Host = "/pcie@10000000";
    private const string Its = "/intc@8000000/its@8080000";

    [Fact]
    public void A_tree_taken_apart_and_put_together_again_is_the_same_machine()
    {
        MachineDescription machine = Read(EditedTree.Of("virt-gicv3")).Value;
        Assert.Equal(TestTrees.Load("virt-gicv3").MsiControllers, machine.MsiControllers);
        Assert.Equal(TestTrees.Load("virt-gicv3").PciHosts[0].Windows, machine.PciHosts[0].Windows);
    }

    [Fact]
    public void No_host_no_enabled_host_no_CPU_and_no_GIC_are_each_told()
    {
        Refused(Errno.ENODEV, "it has no PCI host: expected a node with device_type \"pci\".", tree => tree.RemoveNode(Host));
        Refused(Errno.ENXIO, "its PCI host is disabled (/pcie@10000000): expected one with status \"okay\".", tree => tree.SetText(Host, "status", "disabled"));
        Refused(Errno.ENODEV, "/cpus: it has no CPU: expected a node with device_type \"cpu\".", tree => tree.RemoveNode("/cpus"));
        Refused(Errno.EOPNOTSUPP, "/intc@8000000: compatible: the interrupts end at apple,aic, which is not modelled: expected a GIC.", tree => tree.SetText("/intc@8000000", "compatible", "apple,aic"));
    }

    [Fact]
    public void An_IOMMU_that_is_not_modelled_is_named()
    {
        Refused(Errno.EOPNOTSUPP, "/pcie@10000000: iommu-map: /smmuv3@9050000 is apple,t8103-dart, which is not modelled: expected an Arm SMMU.", tree => tree.SetText("/smmuv3@9050000", "compatible", "apple,t8103-dart"));
    }

    [Fact]
    public void Maps_are_whole_rows_of_targets_that_exist_and_requesters_once()
    {
        Refused(Errno.EINVAL, "/pcie@10000000: msi-map: expected rows of 4 cells, not 12 bytes.", tree => tree.Set(Host, "msi-map", 0, 1, 0));
        Refused(Errno.EINVAL, "/pcie@10000000: msi-map: 0x99 is no node's phandle: expected one of the tree.", tree => tree.Set(Host, "msi-map", 0, 0x99, 0, 0x1_0000));
        Refused(Errno.EINVAL, "/pcie@10000000: iommu-map: a row begins at requester ID 0x0 and has 0x10001 of them: expected requester IDs of 0x0 to 0xffff, one at least.", tree => tree.Set(Host, "iommu-map", 0, 0x8007, 0, 0x1_0001));
        Refused(Errno.EINVAL, "/pcie@10000000: iommu-map: a row has requester IDs 0x80 to 0x17f, some of which an earlier row has: expected each once.", tree => tree.Set(Host, "iommu-map", 0, 0x8007, 0, 0x100, 0x80, 0x8007, 0, 0x100));
        Refused(Errno.EINVAL, "/pcie@10000000: iommu-map: a row begins at requester ID 0x100, of which iommu-map-mask 0xff clears bits: expected one as it is after the mask.", tree => tree.Set(Host, "iommu-map-mask", 0xff).Set(Host, "iommu-map", 0x100, 0x8007, 0, 1));
    }

    [Fact]
    public void A_host_s_addresses_are_PCI_s_and_reach_the_CPUs()
    {
        Refused(Errno.EINVAL, "/pcie@10000000: #address-cells: 2, and #size-cells 2: expected 3 and 2, as PCI has.", tree => tree.Set(Host, "#address-cells", 2));
        Refused(Errno.EINVAL, "/pcie@10000000: ranges: no row is of memory space: expected a window for devices' BARs.", tree => tree.Set(Host, "ranges"));
        Refused(Errno.EINVAL, "/pcie@10000000: bus-range: expected a first and a last bus of 0 to 0xff, not 0x5 and 0x4.", tree => tree.Set(Host, "bus-range", 5, 4));
        Refused(Errno.EINVAL, "/pcie@10000000: ranges: the rows of PCI addresses 0x10000000-0x10ffffff and 0x10800000-0x117fffff overlap: expected rows that share nothing.", tree => tree.Set(Host, "ranges", 0x200_0000, 0, 0x1000_0000, 0, 0x1000_0000, 0, 0x100_0000, 0x200_0000, 0, 0x1080_0000, 0, 0x1080_0000, 0, 0x100_0000));
        Refused(Errno.EINVAL, "/pcie@10000000: reg: configuration space has 0x8000 bytes: expected 0x100000 a bus.", tree => tree.Set(Host, "reg", 0x40, 0x1000_0000, 0, 0x8000));
        Refused(Errno.EINVAL, "/intc@8000000/its@8080000: reg: 0x8080000 is an address on /intc@8000000, which has no ranges: expected an address the CPUs reach.", tree => tree.Remove("/intc@8000000", "ranges"));
        Refused(Errno.EINVAL, "/intc@8000000/its@8080000: reg: 0x20000 bytes at 0xffff000000000000 leave the physical map: expected addresses below 2^48.", tree => tree.Set(Its, "reg", 0xffff_0000, 0, 0, 0x2_0000));
        Refused(Errno.EINVAL, "/intc@8000000/its@8080000: reg: 0x20000 bytes at 0x8081000: expected 0x10000 or more, aligned to 0x10000.", tree => tree.Set(Its, "reg", 0, 0x808_1000, 0, 0x2_0000));
    }

    [Fact]
    public void Interrupt_parents_that_go_in_a_circle_and_hosts_that_are_their_own_controller_without_being_one_are_told()
    {
        Refused(Errno.EINVAL, "/pcie@10000000: interrupt-parent: the way to a root interrupt controller has more than 32 steps, or goes in a circle: expected one that ends.", tree => tree.Set("/intc@8000000", "interrupt-parent", 0x8007).Set("/smmuv3@9050000", "interrupt-parent", 0x8005));
        Refused(Errno.EINVAL, "/pcie@10000000: msi-parent: the host is its own MSI controller, and has no msi-controller: expected a controller.", tree => tree.Set(Host, "phandle", 0x77).Remove(Host, "msi-map").Set(Host, "msi-parent", 0x77));
        Refused(Errno.EINVAL, "/intc@8000000: phandle: 0x8005 is the phandle of /smmuv3@9050000 already: expected one of its own.", tree => tree.Set("/smmuv3@9050000", "phandle", 0x8005));
    }

    [Fact]
    public void Frames_that_share_addresses_or_SPIs_are_refused()
    {
        Refused(Errno.EINVAL, "overlaps", tree => tree.Add("/intc@8000000", "other@8090000").SetText("/intc@8000000/other@8090000", "compatible", "arm,gic-v3-its").Set("/intc@8000000/other@8090000", "reg", 0, 0x809_0000 - 0x1_0000, 0, 0x2_0000));
    }

    [Fact]
    public void A_node_that_is_two_kinds_of_MSI_controller_is_refused()
    {
        const string sentence = "compatible: it is an MSI controller of two kinds: expected one.";
        Refused(Errno.EINVAL, $"{Its}: {sentence}", tree => tree.SetText(Its, "compatible", "arm,gic-v3-its", "arm,gic-v2m-frame"));
        Refused(Errno.EINVAL, $"/intc@8000000: {sentence}", tree => tree.SetText("/intc@8000000", "compatible", "arm,gic-v3", "arm,gic-v3-its")
            .Set("/intc@8000000", "msi-controller").Set("/intc@8000000", "mbi-ranges", 64, 32));
    }

    [Fact]
    public void A_host_s_own_controller_and_a_node_called_like_it_have_names_of_their_own()
    {
        const string Other = "/pcie@10000000-msi";
        EditedTree tree = EditedTree.Of("virt-gicv3").Add("/", Other[1..]).SetText(Other, "compatible", "maker,msi").Set(Other, "reg", 0, 0x900_0000, 0, 0x1000)
            .Set(Other, "phandle", 0x78).Set(Other, "msi-controller").Set(Host, "phandle", 0x77).Set(Host, "msi-controller")
            .Set(Host, "msi-map", 0, 0x78, 0, 0x8000, 0x8000, 0x77, 0x8000, 0x8000);
        string[] names = [.. Read(tree).Value.MsiControllers.Select(controller => controller.Name)];
        Assert.Equal(3, names.Length);
        Assert.Distinct(names);
    }

    [Fact]
    public void A_root_port_of_the_tree_and_an_assumed_slot_do_not_share_an_address()
    {
        const string Port = Host + "/pcie@3,0";
        EditedTree tree = EditedTree.Of("virt-gicv3").Remove(Host, "msi-map").Remove(Host, "iommu-map").Add(Host, "pcie@3,0").SetText(Port, "device_type", "pci").Set(Port, "reg", 0x1800, 0, 0, 0, 0);
        MachineSurvey survey = MachineSurvey.Of(Read(tree).Value).Value;
        Assert.Equal(["0000:01:00.0"], survey.Slots.Select(slot => slot.Device.Name));
    }

    [Fact]
    public void What_a_hostile_tree_has_too_many_of_is_refused_before_work_is_done_on_it()
    {
        Refused(Errno.EINVAL, "/intc@8000000: 65 ITSs and GICv2m frames: expected 64 at most.", tree => Enumerable.Range(1, 64).Aggregate(tree, (edited, i) => edited.Add("/intc@8000000", $"its{i}").SetText($"/intc@8000000/its{i}", "compatible", "arm,gic-v3-its")));
        Refused(Errno.EINVAL, "reg: more than 1024 ranges of memory: expected 1024 at most.", tree => tree.Set("/memory@40000000", "reg", [.. Enumerable.Range(0, 2000).SelectMany(i => new uint[] { 1, (uint)(2 * i), 0, 1 })]));
        uint[] rows = [.. Enumerable.Range(0, 1024).SelectMany(i => new uint[] { 1, (uint)i, 1, (uint)i, 0, 1 }), 0, 0, 0, 0, 1, 0];
        uint[] registers = [.. Enumerable.Range(0, 1024).SelectMany(i => new uint[] { 0, 0x808_0000, 0, 0x2_0000 })];
        Refused(Errno.EINVAL, "/intc@8000000: ranges: following the tree's addresses takes more than 1048576 rows: expected fewer.", tree => tree.Set("/intc@8000000", "ranges", rows).Set(Its, "reg", registers));
        Refused(Errno.EINVAL, "more than 256 SMMUs before PCI hosts: expected 256 at most.", tree => Many(tree, "arm,smmu-v3", "iommu-map"));
        Refused(Errno.EINVAL, "more than 256 MSI controllers that are no GIC's: expected 256 at most.", tree => Many(tree, "maker,msi", "msi-map"));
    }

    [Fact]
    public void A_host_whose_controller_is_its_own_is_isolated_by_nobody_and_needs_no_mapping()
    {
        EditedTree tree = EditedTree.Of("virt-gicv3").SetText(Host, "compatible", "qcom,pcie-sdm845", "snps,dw-pcie").Remove(Host, "msi-map");
        MachineDescription machine = Read(tree).Value;
        SocMsiDescription own = Assert.Single(machine.MsiControllers.OfType<SocMsiDescription>());
        Assert.True(own.IsInHost);
        SlotSurvey slot = MachineSurvey.Of(machine).Value.Slots[0];
        Assert.Equal((false, true), (slot.IsIsolated, slot.IsTranslated));
        Assert.Null(slot.Device.MsiDevice.IommuDomain);
        Assert.Contains(slot.Device.ReservedRegions, region => region.Base.Value == own.Page.Value && region.Type == ReservedRegionType.Msi);
    }

    [Fact]
    public void Explain_takes_a_device_behind_such_a_host_all_the_way_where_that_is_allowed_and_says_that_none_of_its_vectors_moves()
    {
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.dtb");
        File.WriteAllBytes(file, EditedTree.Of("virt-gicv3").SetText(Host, "compatible", "qcom,pcie-sdm845", "snps,dw-pcie").Remove(Host, "msi-map").ToBytes());
        try
        {
            (int status, string output, string error) = Cli.Command.Run("explain", file, "--allow-unsafe-interrupts");
            Assert.Equal((0, ""), (status, error));
            Assert.Contains("smp_affinity of vector 0: EINVAL.", output, StringComparison.Ordinal);
            Assert.EndsWith("4 vectors armed, 5 MSIs raised, each arrived where it was armed; nothing is left behind.\n", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void M2_An_ITS_behind_a_pre_ITS_isolates_nobody_and_each_DeviceID_has_a_doorbell_of_its_own()
    {
        MachineDescription machine = Read(EditedTree.Of("virt-gicv3").Set(Its, "socionext,synquacer-pre-its", 0x100_0000, 0x40_0000)).Value;
        var its = Assert.IsType<GicV3ItsDescription>(Assert.Single(machine.MsiControllers));
        Assert.Equal((new MemoryRange(new PhysicalAddress(0x100_0000), 0x40_0000), 20), (its.PreIts!.Value, its.DeviceIdBits));
        SlotSurvey slot = MachineSurvey.Of(machine).Value.Slots[0];
        Assert.False(slot.IsIsolated);
        Assert.Equal([new PhysicalAddress(0x100_0000)], slot.Device.MsiDomain!.Doorbells);
    }

    [Fact]
    public void An_SMMUv3_has_as_many_bits_of_StreamID_as_the_maps_need()
    {
        EditedTree tree = EditedTree.Of("virt-gicv3").Set(Host, "iommu-map", 0, 0x8007, 0x12_0000, 0x1_0000);
        SlotSurvey slot = MachineSurvey.Of(Read(tree).Value).Value.Slots[0];
        Assert.Equal(new StreamId(0x12_0100), slot.Device.StreamId);
    }

    [Fact]
    public void A_disabled_IOMMU_translates_nothing_and_a_disabled_controller_takes_nothing()
    {
        MachineSurvey survey = MachineSurvey.Of(Read(EditedTree.Of("virt-gicv3").SetText("/smmuv3@9050000", "status", "disabled").SetText(Its, "status", "disabled")).Value).Value;
        Assert.All(survey.Slots, slot => Assert.True(slot.Device.Iommu is null && slot.Device.MsiDomain is null));
        Assert.Equal(3, survey.Machine.Description.Notes.Count);
    }

    [Fact]
    public void An_SMMU_s_older_list_of_masters_makes_requester_IDs_StreamIDs()
    {
        EditedTree tree = EditedTree.Of("virt-gicv3").Remove(Host, "iommu-map").Set(Host, "phandle", 0x77).Set(Host, "#stream-id-cells", 1)
            .SetText("/smmuv3@9050000", "compatible", "arm,mmu-401", "arm,smmu-v1").Set("/smmuv3@9050000", "mmu-masters", 0x8005, 0x77, 0);
        SlotSurvey slot = MachineSurvey.Of(Read(tree).Value).Value.Slots[0];
        Assert.Equal(("mmu-401", new StreamId(0x100)), (slot.Device.Iommu!.Model.Name, slot.Device.StreamId));
    }

    private static EditedTree Many(EditedTree tree, string compatible, string map)
    {
        var cells = new List<uint>();
        for (uint i = 0; i < 257; i++)
        {
            string node = $"/many{i}";
            tree.Add("/", node[1..]).SetText(node, "compatible", compatible).Set(node, "phandle", 0x1000 + i).Set(node, "msi-controller").Set(node, "reg", 1, i << 16, 0, 0x1_0000);
            cells.AddRange([i, 0x1000 + i, i, 1]);
        }

        return tree.Set(Host, map, [.. cells]);
    }

    private static Result<MachineDescription> Read(EditedTree tree) => DeviceTreeMachine.Read("b.dtb", tree.ToBytes());

    private static void Refused(Errno errno, string sentence, Func<EditedTree, EditedTree> edit)
    {
        Result<MachineDescription> machine = Read(edit(EditedTree.Of("virt-gicv3")));
        Assert.Equal(errno, machine.Errno);
        Assert.StartsWith("b.dtb: ", machine.Reason, StringComparison.Ordinal);
        Assert.Contains(sentence, machine.Reason, StringComparison.Ordinal);
    }
}
