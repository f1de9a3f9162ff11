using System.Buffers.Binary;
using System.Text;
using Doorbell.Hosts;

namespace Doorbell.Tests.Hosts;

/// <summary>What says whose machine it is goes out of a capture, and what decides about passthrough stays.</summary>
public sealed class HostMaskTests
{
    [Theory]
    [InlineData("BOOT_IMAGE=/vmlinuz root=UUID=1234-abcd ro quiet", "* * * *")]
    [InlineData("intel_iommu=on iommu=pt iommu.passthrough=1 amd_iommu=off intremap=off", "intel_iommu=on iommu=pt iommu.passthrough=1 amd_iommu=off intremap=off")]
    [InlineData("pci=noacs pcie_acs_override=downstream vfio-pci.ids=8086:10c9 vfio_iommu_type1.allow_unsafe_interrupts=1", "pci=noacs pcie_acs_override=downstream vfio-pci.ids=8086:10c9 vfio_iommu_type1.allow_unsafe_interrupts=1")]
    [InlineData("arm-smmu.disable_bypass=0 irqchip.gicv3_nolpi=1 hugepages=16 default_hugepagesz=1G kvm.nx_huge_pages=off", "arm-smmu.disable_bypass=0 irqchip.gicv3_nolpi=1 hugepages=16 default_hugepagesz=1G kvm.nx_huge_pages=off")]
    [InlineData("password=iommu=secret pci_secret=x rootiommu=1", "* * *")]
    [InlineData("", "")]
    public void Of_a_command_line_only_what_is_about_devices_is_kept(string line, string expected) => Assert.Equal(expected, HostMask.CommandLine(line));

    [Fact]
    public void A_serial_number_in_configuration_space_is_zeroed_and_nothing_else()
    {
        byte[] config = new byte[4096];
        (config[6], config[0x34]) = (0x10, 0x40);
        (config[0x40], config[0x41]) = (0x03, 0x50);
        config.AsSpan(0x42, 6).Fill(0xee);
        (config[0x50], config[0x52]) = (0x10, 0x01);
        BinaryPrimitives.WriteUInt32LittleEndian(config.AsSpan(0x100), 0x1401_000d);
        BinaryPrimitives.WriteUInt32LittleEndian(config.AsSpan(0x140), 0x0001_0003);
        config.AsSpan(0x144, 12).Fill(0xdd);
        byte[] expected = [.. config];
        expected.AsSpan(0x42, 6).Clear();
        expected.AsSpan(0x144, 8).Clear();

        byte[]? masked = HostMask.Apply("/sys/devices/pci0000:00/0000:00:01.0/config", config);
        Assert.Equal(expected, masked);
    }

    [Fact]
    public void Who_built_the_kernel_and_the_addresses_of_its_modules_and_of_the_reader_are_left_out()
    {
        Assert.Equal("Linux version 6.1 (*) (aarch64-linux-gnu-gcc) #1\n", Masked(HostPaths.Version, "Linux version 6.1 (me@home) (aarch64-linux-gnu-gcc) #1\n"));
        const string Interrupts = "           CPU0       CPU1\n  21:      0      7  ITS-PCI-MSIX-0000:00:05.0    0 Edge      secret\nIPI0:     22     30  Rescheduling interrupts\n";
        Assert.Equal("  21: ITS-PCI-MSIX-0000:00:05.0\n", Masked(HostPaths.Interrupts, Interrupts));
        Assert.Equal(["ITS-PCI-MSIX-0000:00:05.0"], InterruptChips.Read(Masked(HostPaths.Interrupts, Interrupts).Split('\n')));
        Assert.Equal("vfio\nigb\n", Masked(HostPaths.Modules, "vfio 1234 1 vfio_pci, Live 0xffffd82392128000\nigb 1 0 - Live 0xffffd82392128000 (O)\n"));

        byte[] vector = new byte[64];
        (vector[0], vector[8], vector[16], vector[25], vector[40]) = (25, 0xaa, 6, 0x10, 7);
        byte[] masked = HostMask.Apply(HostPaths.AuxiliaryVector, vector)!;
        Assert.Equal(32, masked.Length);
        Assert.Equal([6, 0, 0, 0, 0, 0, 0, 0, 0, 0x10], masked[..10]);
        Assert.All(masked[10..], static one => Assert.Equal(0, one));
    }

    [Fact]
    public void A_device_tree_keeps_its_devices_and_loses_its_command_line_seeds_and_addresses()
    {
        Assert.Equal(HostFileStatus.Read, TestHosts.Board(TestHosts.Virt).TryRead(HostPaths.DeviceTree, out byte[] tree));
        byte[] before = [.. tree];

        byte[] masked = HostMask.Apply(HostPaths.DeviceTree, tree)!;
        string text = Encoding.Latin1.GetString(masked);
        Assert.DoesNotContain("goldrun", text, StringComparison.Ordinal);
        Assert.Contains("**************", text, StringComparison.Ordinal);
        Assert.Contains("arm,smmu-v3", text, StringComparison.Ordinal);
        Assert.Contains("goldrun", Encoding.Latin1.GetString(before), StringComparison.Ordinal);
        Assert.Equal(before.Length, masked.Length);

        // kaslr-seed is 8 bytes and rng-seed 32: nothing beyond them and bootargs has changed.
        int changed = before.Where((one, i) => one != masked[i]).Count();
        Assert.InRange(changed, 40, 140);
        Assert.True(Machines(masked), "the tree is a machine no more");
    }

    [Theory]
    [InlineData("kaslr-seed")]
    [InlineData("vendor,asset-tag")]
    [InlineData("local-bd-address")]
    [InlineData("duid")]
    [InlineData("local-mac-address")]
    [InlineData("nvidia,wifi-mac")]
    [InlineData("ethaddr")]
    [InlineData("serial-number")]
    [InlineData("linux,serial")]
    [InlineData("linux,serialhigh")]
    [InlineData("linux,seriallow")]
    [InlineData("serial64")]
    [InlineData("ecid")]
    [InlineData("vm,uuid")]
    public void What_is_somebodys_own_in_a_device_tree_is_zeroed_and_its_neighbours_stay(string property)
    {
        byte[] tree = Tree((property, "secret!!"), ("compatible", "a board"), ("bootargs", "pci=nomsi\troot=UUID=1234"));

        string masked = Encoding.Latin1.GetString(HostMask.Apply(HostPaths.DeviceTree, tree)!);
        Assert.DoesNotContain("secret", masked, StringComparison.Ordinal);
        Assert.Contains("a board", masked, StringComparison.Ordinal);
        Assert.Contains("pci=nomsi", masked, StringComparison.Ordinal);
        Assert.DoesNotContain("1234", masked, StringComparison.Ordinal);
    }

    // A root node with properties: header, structure block, strings block (Devicetree Specification 0.4, chapter 5).
    private static byte[] Tree(params (string Name, string Value)[] properties)
    {
        var structure = new List<byte>();
        var strings = new List<byte>();
        void Word(uint value) => structure.AddRange([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);
        Word(1);
        Word(0);
        foreach ((string name, string value) in properties)
        {
            Word(3);
            Word((uint)value.Length + 1);
            Word((uint)strings.Count);
            structure.AddRange(Encoding.Latin1.GetBytes(value.PadRight((value.Length + 4) & ~3, '\0')));
            strings.AddRange(Encoding.Latin1.GetBytes(name + "\0"));
        }

        Word(2);
        Word(9);
        byte[] body = [.. structure];
        structure.Clear();
        uint[] header = [0xd00d_feed, (uint)(56 + body.Length + strings.Count), 56, (uint)(56 + body.Length), 40, 17, 16, 0, (uint)strings.Count, (uint)body.Length, 0, 0, 0, 0];
        foreach (uint word in header)
        {
            Word(word);
        }

        return [.. structure, .. body, .. strings];
    }

    [Fact]
    public void A_device_tree_that_cannot_be_walked_is_left_out()
    {
        Assert.Null(HostMask.Apply(HostPaths.DeviceTree, [1, 2, 3]));
        Assert.Equal(HostFileStatus.Read, TestHosts.Board(TestHosts.Virt).TryRead(HostPaths.DeviceTree, out byte[] tree));
        Assert.Null(HostMask.Apply(HostPaths.DeviceTree, tree[..0x400]));

        var random = new Random(3);
        for (int i = 0; i < 2000; i++)
        {
            byte[] mutated = tree[..0x4000];
            for (int j = random.Next(1, 8); j > 0; j--)
            {
                mutated[random.Next(4) == 0 ? random.Next(40) : random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            Assert.True(HostMask.Apply(HostPaths.DeviceTree, mutated) is null or { Length: 0x4000 });
        }
    }

    private static string Masked(string path, string text) => Encoding.UTF8.GetString(HostMask.Apply(path, Encoding.UTF8.GetBytes(text))!);

    private static bool Machines(byte[] tree) => Doorbell.Machines.DeviceTree.DeviceTreeMachine.Read("masked", tree).IsOk;
}
