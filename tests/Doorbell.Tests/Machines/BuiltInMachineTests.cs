using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Machines;

public class BuiltInMachineTests
{
    private static readonly string[] All = ["amd-overdrive", "virt-gicv2m", "virt-gicv3"];

    public static TheoryData<string> Names => [.. All];

    /// <summary>Boards without a device tree to be compared with, and variants; each has tests of its own.</summary>
    public static readonly string[] Others = ["cavium-thunderx", "hisilicon-d05", "q35-amd-ir", "q35-intel-ir", "q35-intel-noir", "virt-gicv3-x86guest"];

    [Fact]
    public void These_are_all_there_are() =>
        Assert.Equal(All.Concat(Others).Order(StringComparer.Ordinal), Directory.GetFiles(TestMachines.Folder, "*.yaml").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_machine_is_called_as_its_file_and_its_first_slot_is_01_00_0_below_a_port_with_ACS(string name)
    {
        MachineDescription machine = TestMachines.Load(name);
        Assert.Equal(name, machine.Name);
        var address = new PciAddress(0, 1, 0, 0);
        Assert.True(machine.TryFindSlot(address, out PciSlotDescription? slot));
        Assert.Null(slot.Device);
        Assert.Equal(address, machine.Slots.First().Address);
        Assert.True(machine.TryFindHost(address, out PciHostDescription? host));
        Assert.True(host.RootPorts.Single(port => port.SecondaryBus == 1).Acs);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void CPUs_PCI_host_and_IOMMU_are_where_the_device_tree_has_them(string name)
    {
        MachineDescription machine = TestMachines.Load(name);
        var tree = DeviceTreeFixture.Read(name);
        string pcie = tree.NodeLike("pcie@");
        PciHostDescription host = Assert.Single(machine.PciHosts);
        IommuDescription iommu = Assert.Single(machine.Iommus);
        string smmu = tree.Nodes.Single(node => tree.Has(node, "phandle") && tree.Phandle(node) == tree.Cells(pcie, "iommu-map")[1]);

        Assert.Equal(tree.Nodes.Count(node => node.StartsWith("cpu@", StringComparison.Ordinal)), machine.Cpus);
        Assert.Equal(Range(tree, pcie, "reg"), host.Ecam);
        Assert.Equal(tree.Cells(pcie, "bus-range"), [host.FirstBus, host.LastBus]);
        Assert.Equal(Range(tree, smmu, "reg"), iommu.Registers);
        Assert.Equal(tree.Text(smmu, "compatible"), iommu.Model == SmmuModel.SmmuV3 ? "arm,smmu-v3" : $"arm,{iommu.Product}");
        IdMapEntry row = Assert.Single(host.IommuMap.Entries);
        Assert.Equal(tree.Cells(pcie, "iommu-map"), [row.RidBase, tree.Phandle(smmu), row.OutputBase, row.Length]);
        Assert.Equal(iommu.Name, row.Target);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Memory_windows_are_the_ranges_of_the_device_tree_without_IO_space(string name)
    {
        var tree = DeviceTreeFixture.Read(name);
        string pcie = tree.NodeLike("pcie@");
        var expected = new List<PciWindowDescription>();
        for (int i = 0; i < tree.Cells(pcie, "ranges").Count; i += 7)
        {
            // The first cell's bits 25:24: 1 is I/O, 2 and 3 are 32- and 64-bit memory (IEEE 1275 PCI binding 2.2.1.1).
            if (((tree.Cells(pcie, "ranges")[i] >> 24) & 3) >= 2)
            {
                var range = new MemoryRange(new PhysicalAddress(tree.Pair(pcie, "ranges", i + 3)), tree.Pair(pcie, "ranges", i + 5));
                expected.Add(new PciWindowDescription(range, tree.Pair(pcie, "ranges", i + 1)));
            }
        }

        PciHostDescription host = Assert.Single(TestMachines.Load(name).PciHosts);
        Assert.Equal(expected, host.Windows);
        Assert.Equal([false, true], host.Windows.Select(window => window.Is64Bit));
    }

    [Fact]
    public void virt_gicv3_has_the_ITS_of_its_device_tree_and_every_function_is_its_own_DeviceID()
    {
        MachineDescription machine = TestMachines.Load("virt-gicv3");
        var tree = DeviceTreeFixture.Read("virt-gicv3");
        var its = Assert.IsType<GicV3ItsDescription>(Assert.Single(machine.MsiControllers));
        Assert.Equal(Range(tree, tree.NodeLike("its@"), "reg"), Assert.Single(its.Frames));
        Assert.Equal(0x0809_0040UL, its.Doorbell.Value);
        IdMapEntry row = Assert.Single(machine.PciHosts[0].MsiMap.Entries);
        Assert.Equal(tree.Cells(tree.NodeLike("pcie@"), "msi-map"), [row.RidBase, tree.Phandle(tree.NodeLike("its@")), row.OutputBase, row.Length]);
        Assert.Equal(its.Name, row.Target);
    }

    [Fact]
    public void virt_gicv2m_has_the_frame_of_its_device_tree_and_the_SPIs_Linux_reads_from_it()
    {
        MachineDescription machine = TestMachines.Load("virt-gicv2m");
        var tree = DeviceTreeFixture.Read("virt-gicv2m");
        var v2m = Assert.IsType<GicV2mDescription>(Assert.Single(machine.MsiControllers));
        Assert.Equal(Range(tree, tree.NodeLike("v2m@"), "reg"), Assert.Single(v2m.Frames));
        GicV2mFrameDescription frame = Assert.Single(v2m.MsiFrames);
        Assert.Equal(0x0802_0040UL, frame.Doorbell.Value);

        // Linux's log on that board: "GICv2m: range[mem 0x08020000-0x08020fff], SPI[80:143]".
        Assert.Equal((80u, 143u), (frame.SpiBase, frame.SpiLast));
        IdMapEntry row = Assert.Single(machine.PciHosts[0].MsiMap.Entries);
        Assert.Equal(tree.Cells(tree.NodeLike("pcie@"), "msi-map"), [row.RidBase, tree.Phandle(tree.NodeLike("v2m@")), row.OutputBase, row.Length]);
    }

    [Fact]
    public void amd_overdrive_has_one_frame_where_the_GIC_s_ranges_put_it_and_its_PCI_host_s_msi_parent_is_that()
    {
        MachineDescription machine = TestMachines.Load("amd-overdrive");
        var tree = DeviceTreeFixture.Read("amd-overdrive");
        string v2mNode = tree.NodeLike("v2m@");
        var v2m = Assert.IsType<GicV2mDescription>(Assert.Single(machine.MsiControllers));
        GicV2mFrameDescription frame = Assert.Single(v2m.MsiFrames);
        Assert.Equal(tree.Pair("interrupt-controller@e1101000", "ranges", 2) + tree.Pair(v2mNode, "reg", 0), frame.Base.Value);
        Assert.Equal(GicV2mFrameDescription.FrameSize, tree.Pair(v2mNode, "reg", 2));
        Assert.Equal(tree.Phandle(v2mNode), Assert.Single(tree.Cells(tree.NodeLike("pcie@"), "msi-parent")));
        PciHostDescription host = Assert.Single(machine.PciHosts);
        Assert.True(machine.TryFindMsiController(host, new RequesterId(0x100), out MsiTarget target));
        Assert.Equal(new MsiTarget(v2m, new DeviceId(0x100)), target);
    }

    [Fact]
    public void The_variant_for_x86_guests_differs_in_name_title_and_window_only()
    {
        string[] plain = Settings("virt-gicv3");
        string[] variant = Settings("virt-gicv3-x86guest");
        Assert.Equal(["name", "title", "msi-window"], plain.Zip(variant).Where(pair => pair.First != pair.Second).Select(pair => pair.First.Split(':')[0].Trim()));
        Assert.Equal(plain.Length, variant.Length);
        Assert.Equal((new Iova(0xfee0_0000), new Iova(0xfeef_ffff)), (TestMachines.Load("virt-gicv3-x86guest").Iommus[0].MsiWindow.Base, TestMachines.Load("virt-gicv3-x86guest").Iommus[0].MsiWindow.Last));

        static string[] Settings(string name) =>
            [.. TestMachines.Text(name).Split('\n').Select(line => line.Split('#')[0].TrimEnd()).Where(line => line.Length > 0)];
    }

    [Theory]
    [InlineData("virt-gicv3", 0x4020_1000, 0x0000_ffff_ffff_ffff)]
    [InlineData("virt-gicv2m", 0x4020_1000, 0x0000_ffff_ffff_ffff)]
    [InlineData("amd-overdrive", 0x4020_1000, 0x0000_00ff_ffff_ffff)]
    public void I9_Doorbells_get_IOVAs_where_Linux_puts_them_and_domains_have_the_block_sizes_and_the_end_Linux_reports(string name, ulong blocks, ulong end)
    {
        MachineDescription machine = TestMachines.Load(name);
        IommuDescription iommu = Assert.Single(machine.Iommus);
        Assert.Equal(new ReservedRegion(new Iova(0x0800_0000), 0x10_0000, ReservedRegionType.SoftwareMsi), iommu.MsiWindow);
        IommuDomain domain = BuildDomain(machine);
        Assert.Equal((blocks, end), (domain.PageSizes, domain.ApertureEnd.Value));
    }

    [Theory]
    [InlineData("virt-gicv3", 0x4000, 0x0200_4000)]
    [InlineData("virt-gicv3", 0x1_0000, 0x2001_0000)]
    [InlineData("amd-overdrive", 0x1_0000, 0x2001_0000)]
    public void The_block_sizes_under_a_kernel_with_larger_pages_are_those_Linux_reports(string name, ulong pageSize, ulong blocks) =>
        Assert.Equal(blocks, BuildDomain(TestMachines.Load(name) with { PageSize = pageSize }).PageSizes);

    [Fact]
    public void The_MMU_401_lacks_16_KiB_pages_and_a_kernel_that_has_them_gets_its_smallest_granule()
    {
        // "Supported page sizes: 0x60211000" is what Linux prints for it: the blocks of 4 KiB and of 64 KiB.
        MachineDescription machine = TestMachines.Load("amd-overdrive");
        Assert.Equal(0x4020_1000UL, BuildDomain(machine with { PageSize = 0x4000 }).PageSizes);
        Assert.Equal(0x6021_1000UL, BuildDomain(machine).PageSizes | BuildDomain(machine with { PageSize = 0x1_0000 }).PageSizes);
    }

    private static IommuDomain BuildDomain(MachineDescription machine) =>
        Assert.Single(new MachineBuilder(machine).Build().Value.Iommus).AllocateDomain(IommuDomainType.Unmanaged);

    private static MemoryRange Range(DeviceTreeFixture tree, string node, string property) =>
        new(new PhysicalAddress(tree.Pair(node, property, 0)), tree.Pair(node, property, 2));

    [Fact]
    public void Every_machine_takes_a_test_device_in_each_of_its_slots_conventional_ones_too()
    {
        foreach (string name in BuiltInMachines.Names)
        {
            Result<MachineSurvey> survey = MachineSurvey.Of(BuiltInMachines.Load(name).Value);
            Assert.True(survey.IsOk, $"{name}: {survey.Reason}");
            Assert.NotEmpty(survey.Value.Slots);
        }
    }
}
