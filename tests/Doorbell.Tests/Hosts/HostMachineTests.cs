using Doorbell.Cli.Check;
using Doorbell.Devices;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Doorbell.Vfio;

namespace Doorbell.Tests.Hosts;

/// <summary>A capture is a machine: what Doorbell builds of it has the groups, regions and ways that the captured kernel had.</summary>
public sealed class HostMachineTests
{
    [Fact]
    public void Behind_its_own_ACPI_tables_a_board_has_its_groups_too()
    {
        HostFacts facts = CheckSource.ReadHost(TestHosts.Board("virt-gicv3-its-smmuv3-acpi"));
        HostLab lab = Lab(HostMachine.From(facts));
        VfioHost host = Build(lab).CreateVfioHost(new VfioOptions());

        Assert.Equal(GroupsOf(facts), GroupsOf(host));
        Assert.Equal(0x808_0000ul, Assert.IsType<GicV3ItsDescription>(Assert.Single(lab.Machine.MsiControllers)).Base.Value);
    }

    [Theory]
    [InlineData(TestHosts.Virt, true)]
    [InlineData("virt-gicv2m-smmuv3", true)]
    [InlineData("virt-gicv3-its-smmuv3-debian16k", true)]
    [InlineData("virt-gicv3-its-noiommu", true)]
    [InlineData(TestHosts.Virt, false)]
    [InlineData("virt-gicv3-its-smmuv3-acpi", false)]
    public void The_groups_and_their_regions_are_those_the_kernel_had(string board, bool isTree)
    {
        IHostFiles files = TestHosts.Board(board);
        HostFacts facts = HostReader.Read(files);
        HostLab lab = isTree ? FromTree(files, facts) : FromFirmware(facts, "virt-gicv3");
        VfioHost host = Build(lab).CreateVfioHost(new VfioOptions());

        Assert.Equal(GroupsOf(facts), GroupsOf(host));
        Assert.Equal(18, lab.Functions.Count);
    }

    [Fact]
    public void Behind_other_firmware_each_requester_goes_the_same_way_as_behind_the_tree()
    {
        IHostFiles files = TestHosts.Board(TestHosts.Virt);
        HostFacts facts = HostReader.Read(files);
        MachineDescription tree = FromTree(files, facts).Machine, firmware = FromFirmware(facts, "virt-gicv3").Machine;

        foreach (HostFunction function in facts.Functions)
        {
            Assert.True(tree.TryFindHost(function.Address, out PciHostDescription? one));
            Assert.True(firmware.TryFindHost(function.Address, out PciHostDescription? other));
            Assert.True(tree.TryFindStream(one, function.Address.RequesterId, out StreamTarget first));
            Assert.True(firmware.TryFindStream(other, function.Address.RequesterId, out StreamTarget second));
            Assert.Equal(first.Stream, second.Stream);
            Assert.True(tree.TryFindMsiController(one, function.Address.RequesterId, out MsiTarget firstMsi));
            Assert.True(firmware.TryFindMsiController(other, function.Address.RequesterId, out MsiTarget secondMsi));
            Assert.Equal(firstMsi.Device, secondMsi.Device);
            Assert.Equal(((GicV3ItsDescription)firstMsi.Controller).Base, ((GicV3ItsDescription)secondMsi.Controller).Base);
        }

        Assert.Contains(firmware.PciHosts.Single().Windows, static window => window.Range.Base.Value == 0x1000_0000);
    }

    [Fact]
    public void The_window_is_where_the_captured_kernel_had_it()
    {
        HostSnapshot files = TestHosts.CopyOf(TestHosts.Board(TestHosts.Virt), static (path, content) =>
            path.EndsWith("/reserved_regions", StringComparison.Ordinal) ? "0x00000000a0000000 0x00000000a00fffff msi\n"u8.ToArray() : content);
        HostLab lab = FromTree(files, HostReader.Read(files));

        Assert.Equal(new ReservedRegion(new Iova(0xa000_0000), 0x10_0000, ReservedRegionType.SoftwareMsi), Assert.Single(lab.Machine.Iommus).MsiWindow);
    }

    [Theory]
    [InlineData("intel_iommu=on", true)]
    [InlineData("intel_iommu=on intremap=off", false)]
    [InlineData("nointremap", false)]
    public void I2_An_x86_host_remaps_interrupts_where_firmware_can_and_its_command_line_lets_it(string commandLine, bool isRemapped)
    {
        HostSnapshot files = TestHosts.Bare();
        TestHosts.Add(files, HostPaths.CommandLine, commandLine);
        TestHosts.AddFunction(files, "0000:00:02.0");
        TestHosts.AddFunction(files, "0000:80:00.0");
        HostLab lab = FromFirmware(HostReader.Read(files), "q35-intel-ir");

        Assert.Equal(isRemapped, Assert.Single(lab.Machine.Iommus).InterruptRemapping);
        Assert.Equal([(0, 0x7f), (0x80, 0xff)], lab.Machine.PciHosts.Select(static host => ((int)host.FirstBus, (int)host.LastBus)));
        Assert.IsType<ApicDescription>(Assert.Single(lab.Machine.MsiControllers));
    }

    [Fact]
    public void What_an_ordinary_user_captured_and_what_has_no_firmware_is_refused_with_what_would_do()
    {
        HostFacts whole = HostReader.Read(TestHosts.Board(TestHosts.Virt));
        HostFacts cut = HostReader.Read(TestHosts.CopyOf(TestHosts.Board(TestHosts.Virt), static (path, content) => path.EndsWith("/config", StringComparison.Ordinal) ? content[..64] : content));

        Result<HostLab> refused = HostMachine.From(cut, null);
        Assert.Equal(Errno.EACCES, refused.Errno);
        Assert.Contains("root", refused.Reason, StringComparison.Ordinal);
        Assert.Contains("device tree or ACPI tables", HostMachine.From(whole, null).Reason, StringComparison.Ordinal);
        Assert.Equal(Errno.ENODEV, HostMachine.From(HostReader.Read(TestHosts.Bare()), null).Errno);
    }

    private static string[] GroupsOf(HostFacts facts) => [.. facts.Groups!.Select(static group => Text(group.Members, group.ReservedRegions!)).Order(StringComparer.Ordinal)];

    private static string[] GroupsOf(VfioHost host) =>
        [.. host.Groups.Values.Select(static group => Text(group.Group.Devices.Select(static device => device.Address).Order(), group.Group.ReservedRegions)).Order(StringComparer.Ordinal)];

    private static string Text(IEnumerable<PciAddress> members, IEnumerable<ReservedRegion> regions) => $"{string.Join(' ', members)}: {string.Join(' ', regions)}";

    private static HostLab FromTree(IHostFiles files, HostFacts facts)
    {
        Assert.Equal(HostFileStatus.Read, files.TryRead(HostPaths.DeviceTree, out byte[] tree));
        Result<MachineDescription> machine = DeviceTreeMachine.Read("fdt", tree);
        Assert.True(machine.IsOk, machine.Reason);
        return Lab(HostMachine.From(facts, machine.Value));
    }

    private static HostLab FromFirmware(HostFacts facts, string machine)
    {
        Result<MachineDescription> described = Doorbell.Tests.Machines.TestMachines.Load(machine);
        Assert.True(described.IsOk, described.Reason);
        return Lab(HostMachine.From(facts with { Firmware = new DescribedByMachine(described.Value) }, null));
    }

    private static HostLab Lab(Result<HostLab> lab)
    {
        Assert.True(lab.IsOk, lab.Reason);
        return lab.Value;
    }

    private static Machine Build(HostLab lab)
    {
        var builder = new MachineBuilder(lab.Machine);
        foreach (CapturedAt found in lab.Functions)
        {
            Result added = builder.Add(found);
            Assert.True(added.IsOk, added.Reason);
        }

        Result<Machine> built = builder.Build();
        Assert.True(built.IsOk, built.Reason);
        return built.Value;
    }
}
