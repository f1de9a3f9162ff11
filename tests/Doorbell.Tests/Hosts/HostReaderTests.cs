using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Hosts;

/// <summary>A host is what its files say, each fact with where it was read, and what they do not say is said to be unknown.</summary>
public sealed class HostReaderTests
{
    [Theory]
    [InlineData(TestHosts.Virt, 13)]
    [InlineData("virt-gicv3-its-smmuv3-acpi", 13)]
    [InlineData("virt-gicv2m-smmuv3", 13)]
    [InlineData("virt-gicv3-its-smmuv3-debian16k", 13)]
    [InlineData("virt-gicv3-its-noiommu", 0)]
    public void A_recorded_board_has_the_functions_and_groups_its_kernel_had(string board, int groups)
    {
        HostFacts facts = HostReader.Read(TestHosts.Board(board));

        Assert.Equal(MachineArchitecture.Arm64, facts.Architecture);
        Assert.True(facts.IsRunning);
        Assert.Equal(18, facts.Functions.Count);
        Assert.Equal(groups, facts.Groups!.Count);
        Assert.Equal(groups == 0 ? [] : ["smmu3.0x0000000009050000"], facts.Kernel.Iommus);
        Assert.StartsWith("7.3.4", facts.Kernel.Release, StringComparison.Ordinal);
        Assert.StartsWith("console=ttyAMA0", facts.Kernel.CommandLine, StringComparison.Ordinal);
        Assert.Contains(facts.Kernel.IoMemory!, static range => range is { Name: "System RAM", Start: 0x4000_0000, Depth: 0 });
        Assert.All(facts.Groups, static group => Assert.Equal([ReservedRegion.DefaultSoftwareMsi], group.ReservedRegions!));
        Assert.All(facts.Functions, static function => Assert.True(HostCapabilities.Read(function).IsComplete, function.Address.ToString()));
    }

    [Fact]
    public void Every_attribute_of_a_function_is_as_sysfs_had_it()
    {
        HostFacts facts = HostReader.Read(TestHosts.Board(TestHosts.Virt));
        HostFunction igb = facts.Functions.Single(static function => function.Address.ToString() == "0000:01:00.0");
        HostFunction port = facts.Functions.Single(static function => function.Address.ToString() == "0000:00:05.0");

        Assert.Equal((0x8086, 0x10c9, 0x020000u), (igb.VendorId, igb.DeviceId, igb.ClassCode));
        Assert.Equal((11, port.Address, false), (igb.Group!.Value, igb.Parent!.Value, igb.IsBridge));
        Assert.True(igb.DriverKnown);
        Assert.Null(igb.Driver);
        Assert.Contains("flr", igb.ResetMethods!);
        Assert.Equal(new HostResource(0, 0x1010_0000, 0x1011_ffff, 0x40200), igb.Resources[0]);
        Assert.Equal("/sys/bus/pci/devices/0000:01:00.0", igb.Evidence.File);

        Assert.Equal(("pcieport", true), (port.Driver, port.IsBridge));
        Assert.Null(port.Parent);
        Assert.Equal(14, port.Resources.Single(static resource => resource is { Start: 0x1010_0000 }).Index);
    }

    [Fact]
    public void Groups_have_all_their_members_and_the_device_that_Linux_gave_none_has_none()
    {
        HostFacts facts = HostReader.Read(TestHosts.Board(TestHosts.Virt));

        Assert.Equal(["0000:00:09.0", "0000:00:09.1", "0000:00:09.2"], facts.Groups!.Single(static group => group.Number == 9).Members.Select(static member => member.ToString()));
        Assert.All(facts.Groups!, static group => Assert.Equal("DMA", group.Type));
        Assert.Null(facts.Functions.Single(static function => function.Address.ToString() == "0000:03:02.0").Group);
    }

    [Fact]
    public void The_interrupt_domains_and_the_kernel_configuration_are_read_whole()
    {
        HostKernel kernel = HostReader.Read(TestHosts.Board(TestHosts.Virt)).Kernel;

        Assert.Contains("IRQ_DOMAIN_FLAG_ISOLATED_MSI", kernel.IrqDomains![":intc@8000000:its@8080000-5"], StringComparison.Ordinal);
        Assert.DoesNotContain("==", string.Concat(kernel.IrqDomains.Values), StringComparison.Ordinal);
        Assert.Equal("y", kernel.Configuration!["CONFIG_ARM_SMMU_V3"]);
        Assert.False(kernel.Configuration.ContainsKey("CONFIG_ARM64_64K_PAGES"));
        Assert.Equal(HostPaths.PackedConfiguration, kernel.ConfigurationEvidence!.File);
        Assert.Equal(0x1000ul, kernel.PageSize);
    }

    [Fact]
    public void Each_kind_of_reserved_region_is_kept_apart_and_lines_of_no_kind_are_named()
    {
        HostSnapshot files = TestHosts.Bare();
        TestHosts.Add(files, HostPaths.IommuGroups + "/3/type", "DMA-FQ\n");
        TestHosts.Add(files, HostPaths.IommuGroups + "/3/name", "vfio-noiommu\n");
        TestHosts.Add(files, HostPaths.IommuGroups + "/3/reserved_regions",
            "0x000000000009e000 0x000000000009efff direct\n0x00000000e0000000 0x00000000e00fffff direct-relaxable\n0x00000000fee00000 0x00000000feefffff msi\n0x000000fd00000000 0x000000ffffffffff reserved\nnonsense\n");
        files.AddLink(HostPaths.IommuGroups + "/3/devices/INTC1234:00", "../../../../devices/platform/INTC1234:00");

        HostFacts facts = HostReader.Read(files);
        HostGroup group = Assert.Single(facts.Groups!);
        Assert.Equal(
            [ReservedRegionType.Direct, ReservedRegionType.DirectRelaxable, ReservedRegionType.Msi, ReservedRegionType.Reserved], group.ReservedRegions!.Select(static region => region.Type));
        Assert.Equal(["INTC1234:00"], group.OtherMembers);
        Assert.Equal("vfio-noiommu", group.Name);
        Assert.Contains(facts.Unknown, static unknown => unknown.Evidence is { File: "/sys/kernel/iommu_groups/3/reserved_regions", Place: "line 5" });
    }

    [Fact]
    public void More_reserved_regions_and_resources_than_any_kernel_writes_are_not_kept()
    {
        HostSnapshot files = TestHosts.Bare();
        string group = HostPaths.IommuGroups + "/3", function = HostPaths.PciDevices + "/0000:00:01.0";
        TestHosts.Add(files, group + "/reserved_regions", string.Concat(Enumerable.Repeat("0x0 0x0 direct\n", 129)));
        files.AddLink(group + "/devices/" + new string('x', 3000), "../../../../devices/platform/x");
        TestHosts.Add(files, function + "/resource", string.Concat(Enumerable.Repeat("0x1 0x1 0x200\n", 1000)));

        HostFacts facts = HostReader.Read(files);
        Assert.Null(Assert.Single(facts.Groups!).ReservedRegions);
        Assert.Contains(facts.Unknown, unknown => unknown.Evidence.File == group + "/reserved_regions");
        Assert.Equal(255, Assert.Single(facts.Groups![0].OtherMembers).Length);
        Assert.Equal(32, Assert.Single(facts.Functions).Resources.Count);
        Assert.Contains(facts.Unknown, unknown => unknown.Evidence.File == function + "/resource");
    }

    [Theory]
    [InlineData("aarch64", 0x800_0000ul, 0x10_0000ul, ReservedRegionType.SoftwareMsi)]
    [InlineData("aarch64", 0xa000_0000ul, 0x10_0000ul, ReservedRegionType.SoftwareMsi)]
    [InlineData("aarch64", 0x809_0000ul, 0x1_0000ul, ReservedRegionType.Msi)]
    [InlineData("x86_64", 0x800_0000ul, 0x10_0000ul, ReservedRegionType.Msi)]
    public void I9_A_region_that_sysfs_calls_msi_is_the_software_window_only_where_Linux_puts_that(string architecture, ulong start, ulong size, ReservedRegionType expected)
    {
        HostSnapshot files = TestHosts.Bare();
        TestHosts.Add(files, HostPaths.Architecture, architecture);
        TestHosts.Add(files, HostPaths.IommuGroups + "/0/reserved_regions", $"0x{start:x16} 0x{start + size - 1:x16} msi\n");

        Assert.Equal(expected, Assert.Single(HostReader.Read(files).Groups!.Single().ReservedRegions!).Type);
    }

    [Fact]
    public void The_interrupts_of_a_host_with_hundreds_of_CPUs_are_read()
    {
        HostSnapshot files = TestHosts.Bare();
        string counts = string.Concat(Enumerable.Repeat("          0", 512));
        TestHosts.Add(files, HostPaths.Interrupts, $"CPU0\n{string.Concat(Enumerable.Range(0, 200).Select(i => $" {i}:{counts}  IR-PCI-MSIX-0000:00:01.0  {i}-edge  nic\n"))}");

        Assert.Equal(["IR-PCI-MSIX-0000:00:01.0"], HostReader.Read(files).Kernel.InterruptChips!);
    }

    [Fact]
    public void A_groups_list_says_what_a_function_without_a_link_is_in()
    {
        HostSnapshot files = TestHosts.Bare();
        TestHosts.AddFunction(files, "0000:00:01.0");
        files.AddLink(HostPaths.IommuGroups + "/7/devices/0000:00:01.0", "../../../../devices/pci0000:00/0000:00:01.0");

        Assert.Equal(7, HostReader.Read(files).Functions.Single(static function => function.Address == new PciAddress(0, 0, 1, 0)).Group);
    }

    [Fact]
    public void Control_characters_in_a_strangers_names_reach_no_terminal()
    {
        HostSnapshot files = TestHosts.Bare();
        TestHosts.AddFunction(files, "0000:00:01.0");
        files.AddLink("/sys/devices/pci0000:00/0000:00:01.0/driver", "../../../bus/pci/drivers/\u001b[31mevil\u0007\nFAKE");
        TestHosts.Add(files, HostPaths.IommuGroups + "/7/name", "a\u001b]0;b");

        HostFacts facts = HostReader.Read(files);
        Assert.Equal("\uFFFD[31mevil\uFFFD\uFFFDFAKE", facts.Functions.Single(static function => function.Address == new PciAddress(0, 0, 1, 0)).Driver);
        Assert.DoesNotContain(facts.Groups!.Single().Name!, char.IsControl);
    }

    [Fact]
    public void Without_root_the_short_configuration_space_and_the_zeros_of_iomem_are_not_taken_for_facts()
    {
        HostSnapshot files = TestHosts.CopyOf(TestHosts.Board(TestHosts.Virt), static (path, content) =>
            path.StartsWith(HostPaths.Debug, StringComparison.Ordinal) ? null : path.EndsWith("/config", StringComparison.Ordinal) ? content[..64] : path == HostPaths.IoMemory ? "00000000-00000000 : System RAM\n"u8.ToArray() : content);
        files.AddUnreadable(HostPaths.DeviceTree, HostFileStatus.NotPermitted);
        files.AddUnreadable(HostPaths.IrqDomains, HostFileStatus.NotPermitted);

        HostFacts facts = HostReader.Read(files);
        Assert.Null(facts.Kernel.IoMemory);
        Assert.Null(facts.Kernel.IrqDomains);
        Assert.All(facts.Functions.Where(static function => function.Address.Bus == 1), static function => Assert.False(HostCapabilities.Read(function).IsKnown));
        string[] roots = [.. facts.Unknown.Where(static unknown => unknown.Remedy == HostRemedies.RunAsRoot).Select(static unknown => unknown.Evidence.File)];
        Assert.Equal([HostPaths.IrqDomains, HostPaths.IoMemory, "/sys/bus/pci/devices/0000:00:01.0/config", HostPaths.DeviceTree], roots);
    }

    [Fact]
    public void No_groups_and_groups_nobody_can_see_are_two_things()
    {
        HostSnapshot with = TestHosts.Bare();
        var without = new HostSnapshot("without");
        TestHosts.Add(without, HostPaths.Architecture, "x86_64\n");

        Assert.Empty(HostReader.Read(with).Groups!);
        Assert.Null(HostReader.Read(without).Groups);
        Assert.Contains(HostReader.Read(without).Unknown, static unknown => unknown.Evidence.File == HostPaths.IommuGroups);
    }

    [Fact]
    public void A_host_of_which_nothing_can_be_read_is_all_unknown()
    {
        HostFacts facts = HostReader.Read(new HostSnapshot("nothing"));

        Assert.False(facts.IsRunning);
        Assert.Null(facts.Architecture);
        Assert.Null(facts.Kernel.PageSize);
        Assert.Null(facts.Kernel.Modules);
        Assert.Empty(facts.Functions);
        string[] missing = [HostPaths.PciDevices, HostPaths.IommuGroups, HostPaths.Iommus, HostPaths.IrqDomains, HostPaths.IoMemory, HostPaths.CommandLine, HostPaths.Release, HostPaths.PackedConfiguration, HostPaths.Architecture];
        Assert.Empty(missing.Except(facts.Unknown.Select(static unknown => unknown.Evidence.File)));
    }

    [Fact]
    public void The_parent_is_found_by_bus_numbers_where_no_link_says_it()
    {
        var files = new HostSnapshot("flat");
        byte[] bridge = new byte[64], device = new byte[64];
        (bridge[0x0e], bridge[0x19], bridge[0x0b], bridge[0x0a]) = (1, 2, 6, 4);
        files.AddFile(HostPaths.PciDevices + "/0000:00:1c.0/config", bridge);
        files.AddFile(HostPaths.PciDevices + "/0000:02:00.0/config", device);

        IReadOnlyList<HostFunction> functions = HostReader.Read(files).Functions;
        Assert.Equal(0x060400u, functions[0].ClassCode);
        Assert.Null(functions[0].Parent);
        Assert.Equal(functions[0].Address, functions[1].Parent);
    }

    [Theory]
    [InlineData("5.14.0-1-amd64", false)]
    [InlineData("5.15", true)]
    [InlineData("6.1.0-40-amd64", true)]
    [InlineData("next", false)]
    public void A_function_without_reset_methods_has_none_where_its_kernel_would_say_so(string release, bool isKnown)
    {
        HostSnapshot files = TestHosts.Bare();
        TestHosts.Add(files, HostPaths.Release, release);
        TestHosts.AddFunction(files, "0000:00:02.0");

        Assert.Equal(isKnown, HostReader.Read(files).Functions.Single().ResetMethods is []);
    }

    [Fact]
    public void The_page_size_is_what_the_kernel_told_a_program()
    {
        HostSnapshot files = TestHosts.CopyOf(TestHosts.Board(TestHosts.Virt));
        byte[] vector = new byte[48];
        (vector[0], vector[8]) = (3, 0x40);
        (vector[16], vector[25]) = (6, 0x40);
        files.AddFile(HostPaths.AuxiliaryVector, vector);

        Assert.Equal(0x4000ul, HostReader.Read(files).Kernel.PageSize);
    }

    [Fact]
    public void Whatever_the_files_hold_reading_them_ends_with_facts()
    {
        // The configuration is the slow one and has a test of its own.
        HostSnapshot whole = TestHosts.CopyOf(TestHosts.Board(TestHosts.Virt), static (path, content) => path == HostPaths.PackedConfiguration ? [0x1f, 0x8b, 8] : content);
        var random = new Random(5);
        int different = 0;
        string before = TestHosts.TextOf(HostReader.Read(whole));
        for (int round = 0; round < 120; round++)
        {
            HostSnapshot mutated = TestHosts.CopyOf(whole, (_, content) => random.Next(20) == 0 ? Mutated(content, random) : content);
            different += TestHosts.TextOf(HostReader.Read(mutated)) == before ? 0 : 1;
        }

        Assert.True(different > 100, $"{different}");
    }

    [Fact]
    public void A_small_capture_in_which_everything_stands_for_everything_is_read_in_bounded_memory()
    {
        // 20,000 functions that are one; 2,000 groups with all of them in each; interrupt domains and attributes of many megabytes behind links.
        HostSnapshot files = TestHosts.Bare();
        files.AddFile("/big", [.. Enumerable.Repeat((byte)'\n', 1 << 23)]);
        files.AddFile("/sys/one/config", new byte[256]);
        files.AddLink("/sys/one/resource", "/big");
        files.AddLink("/sys/one/reset_method", "/big");
        for (int i = 0; i < 20_000; i++)
        {
            files.AddLink($"{HostPaths.PciDevices}/{i >> 16:x4}:{(i >> 8) & 0xff:x2}:{(i >> 3) & 0x1f:x2}.{i & 7}", "/sys/one");
            files.AddLink($"{HostPaths.IrqDomains}/{i}", "/big");
        }

        for (int i = 0; i < 2_000; i++)
        {
            files.AddLink($"{HostPaths.IommuGroups}/{i}/devices", HostPaths.PciDevices);
            files.AddLink($"{HostPaths.IommuGroups}/{i}/reserved_regions", "/big");
        }

        files.AddLink(HostPaths.IoMemory, "/big");
        long before = GC.GetAllocatedBytesForCurrentThread();
        HostFacts facts = HostReader.Read(files);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1L << 30);
        Assert.Equal(20_000, facts.Functions.Count);
        Assert.InRange(facts.Groups!.Sum(static group => group.Members.Count), 20_000, 1 << 16);
        Assert.InRange(facts.Unknown.Count, 1000, 4097);
        Assert.True(facts.Kernel.IrqDomains!.Count < 5, $"{facts.Kernel.IrqDomains.Count}");
    }

    private static byte[] Mutated(byte[] content, Random random)
    {
        byte[] changed = random.Next(6) == 0 ? content[..random.Next(content.Length + 1)] : [.. content];
        for (int i = random.Next(8); i >= 0 && changed.Length > 0; i--)
        {
            changed[random.Next(changed.Length)] = random.Next(3) switch { 0 => (byte)'\n', 1 => (byte)' ', _ => (byte)random.Next(256) };
        }

        return changed;
    }
}
