using Doorbell.Machines;
using Doorbell.Machines.Yaml;

namespace Doorbell.Tests.Machines;

public class MachineYamlErrorTests
{
    /// <summary>A machine with one of everything; each test spoils one line of it.</summary>
    private const string Good =
        """
        name: board
        title: A board
        architecture: arm64
        cpus: 2
        page-size: 4K
        memory:
          - {base: 0x4000_0000, size: 1G}
        msi-controllers:
          - name: its
            type: gicv3-its
            base: 0x0808_0000
            device-id-bits: 16
          - name: v2m
            type: gicv2m
            frames:
              - base: 0x0802_0000
                spi-base: 80
                spi-count: 64
              - base: 0x0802_1000
                spi-base: 144
                spi-count: 32
        iommus:
          - name: smmu
            model: smmuv3
            base: 0x0905_0000
            size: 0x2_0000
            granules: [4K, 64K]
            input-bits: 48
            output-bits: 44
            msi-window: {base: 0x0900_0000, size: 1M}
        pci-hosts:
          - name: pcie
            segment: 0
            buses: {first: 0, last: 15}
            ecam: {base: 0x30_0000_0000, size: 16M}
            windows:
              - {base: 0x1000_0000, size: 256M}
            iommu-map-mask: 0xfff8
            iommu-map:
              - {rid-base: 0, iommu: smmu, stream-base: 0, length: 0x800}
              - {rid-base: 0x800, iommu: smmu, stream-base: 0x2000, length: 0x800}
            msi-map:
              - {rid-base: 0, controller: its, device-base: 0, length: 0x1000}
            root-ports:
              - {address: 00:01.0, secondary-bus: 1, subordinate-bus: 2, acs: yes}
              - {address: 00:02.0, secondary-bus: 3, acs: no}
            slots:
              - {address: 01:00.0}
              - address: 00:04.0
                device: {model: nvme, options: {file: disk.img}}
        """;

    [Fact]
    public void The_machine_that_the_other_tests_spoil_is_read_whole()
    {
        MachineDescription machine = Read(Good).Value;
        Assert.Equal(2, machine.MsiControllers.Count);
        Assert.Equal([80u, 144u], Assert.IsType<GicV2mDescription>(machine.MsiControllers[1]).MsiFrames.Select(frame => frame.SpiBase));
        PciSlotDescription nvme = machine.Slots.Last();
        Assert.Equal("0000:00:04.0=nvme,file=disk.img", nvme.Device!.ToString());
    }

    [Theory]
    // what a key may be
    [InlineData("cpus: 2", "cpus: 0", 4, "cpus", "expected a number of CPUs from 1 to 512, not \"0\".")]
    [InlineData("cpus: 2", "cpus: two", 4, "cpus", "expected a number of CPUs from 1 to 512, not \"two\".")]
    [InlineData("cpus: 2", "cpus:", 4, "cpus", "expected a number of CPUs from 1 to 512, not nothing.")]
    [InlineData("cpus: 2", "cpus: [2]", 4, "cpus", "expected a number of CPUs from 1 to 512, not a list.")]
    [InlineData("cpus: 2", "", 1, "cpus", "the key is missing: expected a number of CPUs from 1 to 512.")]
    [InlineData("cpus: 2", "cpu: 2", 4, "cpu", "this key is not known here: expected one of architecture, cpus, iommus, memory, msi-controllers, name, page-size, pci-hosts, title.")]
    [InlineData("secondary-bus: 3, acs: no", "secondary-bos: 3, acs: no", 46, "pci-hosts[0].root-ports[1].secondary-bos", "this key is not known here: expected one of acs, address, secondary-bus, subordinate-bus.")]
    [InlineData("cpus: 2", "cpus: 2\ncolour: red", 5, "colour", "this key is not known here: expected one of architecture, cpus, iommus, memory, msi-controllers, name, page-size, pci-hosts, title.")]
    [InlineData("cpus: 2", "cpus: 2\ncpus: 3", 5, "cpus", "the key appears twice, first in line 4: expected once.")]
    [InlineData("name: board", "name: my board", 1, "name", "expected a name of letters, digits, dashes and underscores, not \"my board\".")]
    [InlineData("architecture: arm64", "architecture: vax", 3, "architecture", "expected arm64 or x86-64, not \"vax\".")]
    [InlineData("page-size: 4K", "page-size: 8K", 5, "page-size", "expected 4K, 16K or 64K, not \"8K\".")]
    [InlineData("acs: no", "acs: maybe", 46, "pci-hosts[0].root-ports[1].acs", "expected yes or no, not \"maybe\".")]
    [InlineData("secondary-bus: 3, acs: no", "secondary-bus: 3", 46, "pci-hosts[0].root-ports[1].acs", "the key is missing: expected yes or no.")]
    [InlineData("granules: [4K, 64K]", "granules: []", 27, "iommus[0].granules", "expected a list of 4K, 16K and 64K, not an empty list.")]
    [InlineData("granules: [4K, 64K]", "granules: [4K, 5K]", 27, "iommus[0].granules", "expected a list of 4K, 16K and 64K, not \"5K\" in it.")]
    [InlineData("granules: [4K, 64K]", "granules: [4K, 4K]", 27, "iommus[0].granules", "expected each granule once, not 4K again.")]
    [InlineData("granules: [4K, 64K]", "granules: [64K]", 27, "iommus[0].granules", "expected the machine's page size, 4K, among them.")]
    [InlineData("model: smmuv3", "model: vtd", 24, "iommus[0].model", "expected smmuv3 or smmuv2, not \"vtd\".")]
    [InlineData("type: gicv2m", "type: gicv4", 14, "msi-controllers[1].type", "expected gicv3-its or gicv2m, not \"gicv4\".")]
    [InlineData("cpus: 2", "cpus: \"two\\nor three\"", 4, "cpus", "expected a number of CPUs from 1 to 512, not \"two or three\".")]
    [InlineData("cpus: 2", "cpus: 1234567890123456789012345678901234567890123456789012345678901", 4, "cpus", "expected a number of CPUs from 1 to 512, not \"123456789012345678901234567890123456789012345678901234567890…\".")]
    // addresses
    [InlineData("base: 0x0808_0000", "base: 0x0808_1000", 11, "msi-controllers[0].base", "expected an address aligned to 64K, not 0x8081000.")]
    [InlineData("size: 0x2_0000", "size: 0x2_0001", 26, "iommus[0].size", "expected a multiple of 4K, not 0x20001.")]
    [InlineData("{base: 0x4000_0000, size: 1G}", "{base: 0xffff_ffff_f000, size: 8K}", 7, "memory[0].base", "expected a range below 2^48, not 0xfffffffff000 and 0x2000 bytes.")]
    [InlineData("{base: 0x4000_0000, size: 1G}", "{base: 0x1_0000_0000_0000, size: 8K}", 7, "memory[0].base", "expected a physical address below 2^48, as in 0x8080000, not \"0x1_0000_0000_0000\".")]
    // frames and windows that collide
    [InlineData("base: 0x0802_0000", "base: 0x0809_0000", 16, "msi-controllers[1].frames[0].base", "GICv2m frame msi-controllers[1].frames[0] at 0x8090000-0x8090fff overlaps ITS its at 0x8080000-0x809ffff (line 9): expected ranges that share nothing.")]
    [InlineData("base: 0x0905_0000", "base: 0x0802_0000", 25, "iommus[0].base", "IOMMU smmu at 0x8020000-0x803ffff overlaps GICv2m frame msi-controllers[1].frames[0] at 0x8020000-0x8020fff (line 16): expected ranges that share nothing.")]
    [InlineData("{base: 0x1000_0000, size: 256M}", "{base: 0x0800_0000, size: 16M}", 37, "pci-hosts[0].windows[0].base", "window of pcie at 0x8000000-0x8ffffff overlaps ITS its at 0x8080000-0x809ffff (line 9): expected ranges that share nothing.")]
    [InlineData("{base: 0x1000_0000, size: 256M}", "{base: 0x1000_0000, size: 256M, bus-address: 0}", 36, "pci-hosts[0].windows", "PCI addresses 0x0-0xfffffff overlap the MSI window of IOMMU smmu, 0x9000000-0x90fffff: expected a window that devices do not reach each other by.")]
    [InlineData("spi-base: 144", "spi-base: 143", 20, "msi-controllers[1].frames[1].spi-base", "SPIs 143 to 174 overlap those of the frame at 0x8020000, 80 to 143: expected SPIs of its own.")]
    [InlineData("spi-count: 64", "spi-count: 941", 18, "msi-controllers[1].frames[0].spi-count", "expected a number of SPIs that ends at INTID 1019 or before, not \"941\".")]
    [InlineData("    msi-window: {base: 0x0900_0000, size: 1M}", "    msi-window: {base: 0x0900_0000, size: 1M}\n    hardware-msi: [{base: 0x0808_0000, size: 64K}]", 30, "iommus[0].msi-window", "stands beside hardware-msi: expected one of the two, for MSIs that hardware takes out need no window.")]
    [InlineData("    msi-window: {base: 0x0900_0000, size: 1M}", "    hardware-msi: [{base: 0x0808_0000, size: 64K}, {base: 0x0808_f000, size: 4K}]", 30, "iommus[0].hardware-msi[1].base", "0x808f000-0x808ffff overlaps an earlier range: expected each address once.")]
    [InlineData("    msi-window: {base: 0x0900_0000, size: 1M}", "    hardware-msi: [{base: 0x1800_0000, size: 64K}]", 36, "pci-hosts[0].windows", "PCI addresses 0x10000000-0x1fffffff overlap the MSI window of IOMMU smmu, 0x18000000-0x1800ffff: expected a window that devices do not reach each other by.")]
    [InlineData("    msi-window: {base: 0x0900_0000, size: 1M}", "    interrupt-remapping: yes", 30, "iommus[0].interrupt-remapping", "this key is not known here: expected one of base, granules, hardware-msi, input-bits, model, msi-window, name, output-bits, product, size, stream-id-bits.")]
    [InlineData("    input-bits: 48", "    input-bits: 48\n    stream-id-bits: 33", 29, "iommus[0].stream-id-bits", "expected a number of bits from 1 to 32, not \"33\".")]
    // the MSI window
    [InlineData("{base: 0x0900_0000, size: 1M}", "{base: 0x0900_0800, size: 1M}", 30, "iommus[0].msi-window.base", "expected an IOVA aligned to the page size, 4K, not 0x9000800.")]
    [InlineData("{base: 0x0900_0000, size: 1M}", "{base: 0xffff_ffff_f000, size: 8K}", 30, "iommus[0].msi-window.size", "expected a size of at least a page of 4K that ends within the IOMMU's input bits, not \"8K\".")]
    [InlineData("{base: 0x0900_0000, size: 1M}", "{base: 0x0900_0000, size: 6000}", 30, "iommus[0].msi-window.size", "expected a multiple of the page size, 4K, not 0x1770.")]
    [InlineData("{base: 0x0900_0000, size: 1M}", "0x0900_0000", 30, "iommus[0].msi-window", "expected a mapping of base and size, not \"0x0900_0000\".")]
    // names
    [InlineData("name: v2m", "name: its", 13, "msi-controllers[1].name", "\"its\" is the name of something in line 9 already: expected a name of its own.")]
    [InlineData("controller: its", "controller: gic", 43, "pci-hosts[0].msi-map[0].controller", "there is no MSI controller \"gic\": expected its or v2m.")]
    [InlineData("{rid-base: 0, iommu: smmu,", "{rid-base: 0, iommu: its,", 40, "pci-hosts[0].iommu-map[0].iommu", "there is no IOMMU \"its\": expected smmu.")]
    // maps
    [InlineData("{rid-base: 0x800,", "{rid-base: 0x7f8,", 41, "pci-hosts[0].iommu-map[1].rid-base", "requester IDs 0x7f8 to 0xff7 overlap those of an earlier row: expected each once.")]
    [InlineData("{rid-base: 0x800,", "{rid-base: 0x801,", 41, "pci-hosts[0].iommu-map[1].rid-base", "0x801 has bits that iommu-map-mask 0xfff8 clears: expected a requester ID as it is after the mask.")]
    [InlineData("length: 0x1000}", "length: 0x1_0001}", 43, "pci-hosts[0].msi-map[0].length", "expected a number of requester IDs that ends at 0xffff or before, not \"0x1_0001\".")]
    [InlineData("device-base: 0,", "device-base: 0xf001,", 43, "pci-hosts[0].msi-map[0].length", "the last ID would be 0x10000: expected IDs that MSI controller its can hold, below 0x10000.")]
    [InlineData("device-id-bits: 16", "event-id-bits: 25", 12, "msi-controllers[0].event-id-bits", "expected a number of bits from 1 to 24, not \"25\".")]
    [InlineData("stream-base: 0x2000, length: 0x800", "stream-base: 0x1_0000, length: 0x800", 41, "pci-hosts[0].iommu-map[1].stream-base", "expected an ID that IOMMU smmu can hold, below 0x10000, not \"0x1_0000\".")]
    [InlineData("    msi-map:", "    msi-parent: its\n    msi-map:", 42, "pci-hosts[0].msi-parent", "stands beside msi-map: expected one of the two.")]
    // PCI
    [InlineData("buses: {first: 0, last: 15}", "buses: {first: 9, last: 8}", 34, "pci-hosts[0].buses.last", "expected a bus from 0x9 to 0xff, not \"8\".")]
    [InlineData("buses: {first: 0, last: 15}", "buses: {first: 0, last: 16}", 35, "pci-hosts[0].ecam.size", "expected 1M a bus, 17M for the host's buses, not 0x1000000.")]
    [InlineData("{address: 00:02.0,", "{address: 00:02,", 46, "pci-hosts[0].root-ports[1].address", "expected a PCI address, as in 00:05.0 or 0000:01:00.0, not \"00:02\".")]
    [InlineData("{address: 00:02.0,", "{address: 01:02.0,", 46, "pci-hosts[0].root-ports[1].address", "expected an address on the root bus, 0x0, not 0000:01:02.0.")]
    [InlineData("{address: 00:02.0,", "{address: 00:01.0,", 46, "pci-hosts[0].root-ports[1].address", "0000:00:01.0 is taken by an earlier root port, bridge or slot: expected an address of its own.")]
    [InlineData("{address: 00:02.0,", "{address: 0001:00:02.0,", 46, "pci-hosts[0].root-ports[1].address", "0001:00:02.0 is not on the host's segment and buses, 0000:00 to 0f: expected one that is.")]
    [InlineData("secondary-bus: 3,", "secondary-bus: 2,", 46, "pci-hosts[0].root-ports[1].secondary-bus", "bus 0x2 is below 0000:00:01.0 already: expected buses of its own.")]
    [InlineData("secondary-bus: 3,", "secondary-bus: 16,", 46, "pci-hosts[0].root-ports[1].secondary-bus", "expected a bus from 0x1 to 0xf, not \"16\".")]
    [InlineData("{address: 01:00.0}", "{address: 01:01.0}", 48, "pci-hosts[0].slots[0].address", "a link has device 0 only (PCIe base 7.3.1): expected 0000:01:00.0, not 0000:01:01.0.")]
    [InlineData("{address: 01:00.0}", "{address: 05:00.0}", 48, "pci-hosts[0].slots[0].address", "expected an address on the root bus or on the bus below a root port or an earlier bridge, not 0000:05:00.0.")]
    [InlineData("{model: nvme, options: {file: disk.img}}", "{model: nvme, file: disk.img}", 50, "pci-hosts[0].slots[1].device.file", "this key is not known here: expected one of model, options.")]
    [InlineData("{model: nvme, options: {file: disk.img}}", "nvme", 50, "pci-hosts[0].slots[1].device", "expected a mapping of model and options, not \"nvme\".")]
    // YAML we do without
    [InlineData("cpus: 2", "cpus: &two 2", 4, "", "anchors and aliases are not understood here: expected plain values.")]
    [InlineData("cpus: 2", "cpus: !!int 2", 4, "", "tags are not understood here: expected plain values.")]
    [InlineData("cpus: 2", "? [a, b]\n: 2", 4, "", "a list stands where a key should: expected a word before \":\".")]
    public void What_is_wrong_is_refused_in_one_sentence_with_file_line_key_and_expectation(string good, string bad, int line, string key, string sentence)
    {
        Assert.Contains(good, Good, StringComparison.Ordinal);
        int at = Good.IndexOf(good, StringComparison.Ordinal);
        Result<MachineDescription> result = Read(Good[..at] + bad + Good[(at + good.Length)..]);
        Assert.Equal(Errno.EINVAL, result.Errno);
        Assert.Equal(key.Length == 0 ? $"board.yaml:{line}: {sentence}" : $"board.yaml:{line}: {key}: {sentence}", result.Reason);
    }

    [Fact]
    public void A_row_begins_within_the_15_bits_of_StreamID_of_an_SMMUv2()
    {
        string text = Good.Replace("model: smmuv3", "model: smmuv2", StringComparison.Ordinal);
        Assert.True(Read(text.Replace("stream-base: 0x2000", "stream-base: 0x7fff", StringComparison.Ordinal)).IsOk);
        Assert.Equal(
            "board.yaml:41: pci-hosts[0].iommu-map[1].stream-base: expected an ID that IOMMU smmu can hold, below 0x8000, not \"0x8000\".",
            Read(text.Replace("stream-base: 0x2000", "stream-base: 0x8000", StringComparison.Ordinal)).Reason);
    }

    [Theory]
    [InlineData("", "board.yaml:1: the file is empty: expected a machine.")]
    [InlineData("# nothing\n", "board.yaml:1: the file is empty: expected a machine.")]
    [InlineData("board", "board.yaml:1: expected a machine's keys, not \"board\".")]
    [InlineData("- a\n- b\n", "board.yaml:1: expected a machine's keys, not a list.")]
    [InlineData("a: b\n---\nc: d\n", "board.yaml:2: a second document begins here: expected one machine a file.")]
    public void What_is_no_machine_at_all_is_refused(string text, string sentence) => Assert.Equal(sentence, Read(text).Reason);

    [Fact]
    public void What_is_not_YAML_is_refused_with_its_line() =>
        Assert.StartsWith("board.yaml:4: not YAML: ", Read(Good.Replace("cpus: 2", "cpus: \"2", StringComparison.Ordinal)).Reason, StringComparison.Ordinal);

    [Fact]
    public void A_tab_is_refused_with_its_own_line_and_not_that_of_the_mapping_it_is_in() =>
        Assert.StartsWith("board.yaml:3: not YAML: ", Read("name: board\ncpus: 2\n\ttitle: x\n").Reason, StringComparison.Ordinal);

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    [InlineData('-')]
    public void Deep_nesting_is_refused_and_does_not_exhaust_the_stack(char bracket)
    {
        string text = bracket == '-' ? string.Concat(Enumerable.Repeat("- ", 100_000)) : new string(bracket, 100_000);
        Assert.Contains("nested too deeply", Read("a: \n " + text).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_too_long_for_a_machine_is_refused_unread() =>
        Assert.Contains("too long", Read(new string('#', 2 << 20)).Reason, StringComparison.Ordinal);

    [Fact]
    public void Keys_and_ranges_no_machine_has_so_many_of_are_refused_before_they_are_compared()
    {
        string keys = string.Concat(Enumerable.Range(0, 80_000).Select(i => $"k{i}: 1\n"));
        Assert.Equal("board.yaml:257: the mapping has more than 256 keys: expected 256 at most.", Read(keys).Reason);

        string ranges = string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"{{base: 0x{0x1_0000_0000 + (0x1000L * i):x}, size: 4K}}"));
        Assert.Contains("the machine has more than 4096 ranges: expected 4096 at most.", Read(Good.Replace("memory:\n  - {base: 0x4000_0000, size: 1G}", $"memory: [{ranges}]", StringComparison.Ordinal)).Reason, StringComparison.Ordinal);
    }

    private static Result<MachineDescription> Read(string text) => MachineYaml.Read("board.yaml", text);
}
