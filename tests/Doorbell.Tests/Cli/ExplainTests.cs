using System.Text.Json;
using Doorbell.Machines;
using Doorbell.Tests.Machines;

namespace Doorbell.Tests.Cli;

public class ExplainTests
{
    [Theory]
    [InlineData("virt-gicv3", "DeviceID 0x100 (msi-map), EventID 0")]
    [InlineData("virt-gicv3", "DeviceID 0x100 (msi-map), EventID 0", "--mapping-point", "activate")]
    [InlineData("virt-gicv3", "DeviceID 0x100 (msi-map), EventID 0", "--uapi", "reserved-iova-v6")]
    [InlineData("virt-gicv3", "DeviceID 0x100 (msi-map), EventID 0", "--uapi", "reserved-iova-v6", "--mapping-point", "alloc")]
    [InlineData("virt-gicv2m", "SPI 80, whoever writes it", "--allow-unsafe-interrupts")]
    [InlineData("amd-overdrive", "SPI 64, whoever writes it", "--allow-unsafe-interrupts")]
    [InlineData("amd-overdrive", "SPI 64, whoever writes it", "--allow-unsafe-interrupts", "--uapi", "reserved-iova-v6")]
    [InlineData("hisilicon-d05", "PA 0xc6010040, untranslated (M7)")]
    [InlineData("hisilicon-d05", "no doorbell needs a mapping (M7)", "--uapi", "reserved-iova-v6")]
    public void Every_MSI_arrives_where_it_was_armed_and_nothing_is_left(string machine, string interrupt, params string[] options)
    {
        (int status, string output, string error) = Command.Run(["explain", machine, "--vectors", "3", .. options]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(interrupt, output, StringComparison.Ordinal);
        Assert.Contains("smp_affinity of vector 0: from CPU 0 to CPU 1 (M5).", output, StringComparison.Ordinal);
        Assert.Contains("every message cleared in the device, every vector back at the controller (M6).", output, StringComparison.Ordinal);
        Assert.Contains("Raised once more, vector 0 goes nowhere.", output, StringComparison.Ordinal);
        Assert.Matches("pages and blocks mapped in the domain +0\n +domains not freed +0\n +doorbells bound +0\n +references to doorbells +0\n", output);
        Assert.EndsWith("3 vectors armed, 4 MSIs raised, each arrived where it was armed; nothing is left behind.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slot_on_conventional_PCI_gets_a_conventional_device()
    {
        (int status, string output, string error) = Command.Run("explain", "q35-intel-ir", "--device", "03:01.0", "--vectors", "1");
        Assert.Equal((0, ""), (status, error));
        Assert.EndsWith("1 vector armed, 2 MSIs raised, each arrived where it was armed; nothing is left behind.\n", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("virt-gicv2m")]
    [InlineData("amd-overdrive")]
    public void V3_A_device_behind_a_controller_that_does_not_look_who_writes_is_refused_and_that_is_right(string machine)
    {
        string controller = Assert.Single(new MachineBuilder(TestMachines.Load(machine)).Build().Value.MsiDomains).Name;
        (int status, string output, _) = Command.Run("explain", machine);
        Assert.Equal(0, status);
        Assert.Contains("VFIO_SET_IOMMU: EPERM.", output, StringComparison.Ordinal);
        Assert.Contains(controller, output, StringComparison.Ordinal);
        Assert.Contains("--allow-unsafe-interrupts", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Arm\n", output, StringComparison.Ordinal);
        Assert.EndsWith("was not handed over, and rightly: nothing checks who writes its MSIs.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void V3_The_verdict_names_the_path_it_was_read_from()
    {
        (_, string unsafePath, _) = Command.Run("explain", "amd-overdrive", "--json");
        JsonElement verdict = Assert.Single(Of(Lines(unsafePath), "explain.safe"));
        Assert.Equal(("no", "0000:01:00.0 -> smmu-pcie -> v2m-pci-msi -> v2m -> gic"), (Text(verdict, "safe"), Text(verdict, "path")));
        (_, string safePath, _) = Command.Run("explain", "virt-gicv3", "--json");
        verdict = Assert.Single(Of(Lines(safePath), "explain.safe"));
        Assert.Equal(("yes", "0000:01:00.0 -> smmu -> its-pci-msi"), (Text(verdict, "safe"), Text(verdict, "path")));
        Assert.Equal("MSI domain with the flag IrqRemapping (M1)", Text(Of(Lines(safePath), "explain.safety")[^1], "says"));
    }

    [Fact]
    public void V1_In_the_series_profile_the_window_is_the_users_and_the_doorbell_goes_with_the_last_vector()
    {
        (int status, string output, _) = Command.Run("explain", "virt-gicv3", "--uapi", "reserved-iova-v6", "--json");
        Assert.Equal(0, status);
        List<JsonElement> lines = Lines(output);
        Assert.Equal("activate", Text(Assert.Single(Of(lines, "explain.machine")), "mapping_point"));
        Assert.Equal((1, "0x1000"), (Assert.Single(Of(lines, "explain.requirement")).GetProperty("pages").GetInt32(), Text(Of(lines, "explain.requirement")[0], "page_size")));
        JsonElement window = Assert.Single(Of(lines, "explain.window"));
        Assert.Equal(("0xc000000", "0xc000fff", "registered by the user (V1)"), (Text(window, "first"), Text(window, "last"), Text(window, "from")));
        Assert.All(Of(lines, "explain.message"), message => Assert.Equal(("0xc000040", "0x8090040"), (Text(message, "address"), Text(message, "doorbell"))));

        // I7: unbound while disarming, before the close.
        List<string> kinds = [.. lines.Select(line => Text(line, "kind") == "explain.step" ? Text(line, "step") : Text(line, "kind"))];
        Assert.InRange(kinds.IndexOf("doorbell.unbind"), kinds.IndexOf("disarm"), kinds.IndexOf("close"));
    }

    [Theory]
    [InlineData("cavium-thunderx", "", "DeviceID 0x19000 (msi-map), EventID 0")]
    [InlineData("hisilicon-d05", "", "Writes to 0xc6010000-0xc601ffff are taken as MSIs before translation; the user may map nothing there.")]
    [InlineData("q35-intel-ir", "", "entry 0, which takes writes of 01:00.0 only")]
    [InlineData("q35-intel-ir", "", "The device's message is what it was, 0xfee00018 <- 0x0")]
    [InlineData("q35-amd-ir", "", "entry 0 of DeviceID 0x100's own table")]
    [InlineData("q35-intel-noir", "--allow-unsafe-interrupts", "CPU in the address, vector in the data, whoever writes it")]
    [InlineData("q35-intel-noir", "--allow-unsafe-interrupts", "it says where to, and one on its way there still arrives (M5).")]
    [InlineData("q35-intel-noir", "", "0000:01:00.0 was not handed over, and rightly: nothing checks who writes its MSIs.")]
    public void Every_board_is_explained_in_its_own_words_and_goes_as_it_must(string machine, string option, string words)
    {
        (int status, string output, string error) = Command.Run(["explain", machine, .. option.Length == 0 ? Array.Empty<string>() : [option]]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(words, output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_no_IOMMU_translates_is_not_offered_and_the_status_says_that_it_cannot_be_assigned()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.yaml");
        File.WriteAllText(path, """
            name: bare
            architecture: arm64
            cpus: 1
            msi-controllers: [{name: its, type: gicv3-its, base: 0x0808_0000}]
            pci-hosts:
              - name: pcie
                segment: 0
                buses: {first: 0, last: 0xff}
                ecam: {base: 0x40_1000_0000, size: 256M}
                windows: [{base: 0x1000_0000, size: 0x2eff_0000}]
                msi-parent: its
                slots: [{address: 00:01.0}]
            """);
        try
        {
            (int status, string output, string error) = Command.Run("explain", path);
            Assert.Equal((1, ""), (status, error));
            Assert.EndsWith("0000:00:01.0 cannot be assigned: no IOMMU translates it on bare, so it is in no IOMMU group and VFIO offers no /dev/vfio/N for it; its DMA could not be kept apart from other memory.\n", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    public void A_narrow_terminal_gets_every_fact_in_lines_that_fit(int columns)
    {
        (int status, string output, _) = Command.RunWith($"COLUMNS={columns}", "explain", "virt-gicv3", "--vectors", "3");
        Assert.Equal(0, status);
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, columns));
        Assert.Contains("leads to (PA): 0x8090040", columns == 40 ? output : "leads to (PA): 0x8090040", StringComparison.Ordinal);
        Assert.Contains("StreamID: 0x100", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_gets_every_row_of_every_table_a_person_gets_and_no_field_twice()
    {
        (_, string text, _) = Command.Run("explain", "virt-gicv3");
        (_, string json, _) = Command.Run("explain", "virt-gicv3", "--json");
        foreach (string line in json.TrimEnd().Split('\n'))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            List<JsonProperty> fields = [.. document.RootElement.EnumerateObject()];
            Assert.Equal(fields.Count, fields.DistinctBy(field => field.Name).Count());
            if (document.RootElement.GetProperty("kind").GetString()!.StartsWith("explain.", StringComparison.Ordinal))
            {
                Assert.All(
                    fields.Where(field => field.Name is "fact" or "says" or "why" or "what" or "out"),
                    told => Assert.Contains(told.Value.GetString()!, text, StringComparison.Ordinal));
            }
        }

        // The other way: a sentence or a row for people is a sentence or a row for programs.
        int sentences = text.Split('\n').Count(line => line.StartsWith("   ", StringComparison.Ordinal) && line.TrimEnd().EndsWith('.') && line[3] != ' ');
        Assert.Equal(sentences, Lines(json).Count(line => line.TryGetProperty("fact", out JsonElement fact) && fact.GetString()!.EndsWith('.')) + text.Split("--json has every event.").Length - 1);
    }

    [Fact]
    public void V3_What_was_allowed_although_unsafe_is_said()
    {
        (_, string output, _) = Command.Run("explain", "amd-overdrive", "--allow-unsafe-interrupts");
        Assert.Contains("UNSAFE, and allowed (V3)", output, StringComparison.Ordinal);
        Assert.Contains("vfio.unsafe", output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_account_into_a_file_has_no_escape_sequences_and_no_blanks_at_ends_of_lines()
    {
        (_, string output, _) = Command.RunWith("TERM=xterm-256color", "explain");
        Assert.DoesNotContain('\u001b', output);
        Assert.DoesNotContain(" \n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_JSON_account_has_every_hop_of_every_MSI_and_balanced_references()
    {
        (int status, string output, _) = Command.Run("explain", "virt-gicv3", "--device", "02:00.0", "--vectors", "5", "--json");
        Assert.Equal(0, status);
        List<JsonElement> lines = Lines(output);

        List<JsonElement> writes = Of(lines, "msi.write");
        Assert.Equal(6, writes.Count);
        Assert.All(writes, write => Assert.Equal(("0x200", "0x200", "0x8000040", "0x8090040"), (Text(write, "requester"), Text(write, "stream"), Text(write, "iova"), Text(write, "pa"))));
        Assert.Equal([0, 1, 2, 3, 4, 0], Of(lines, "msi.deliver").Select(delivery => delivery.GetProperty("vector").GetInt32()));
        Assert.All(Of(lines, "msi.deliver"), delivery => Assert.Equal(("0x200", "0000:02:00.0"), (Text(delivery, "device_id"), Text(delivery, "device"))));

        // N2: as many references taken as given back, and the page mapped once and unmapped once.
        Assert.Equal(5, Of(lines, "doorbell.bind").Count + Of(lines, "doorbell.get").Count);
        Assert.Equal(5, Of(lines, "doorbell.put").Count);
        Assert.Equal(0, Of(lines, "doorbell.put")[^1].GetProperty("references").GetInt32());
        Assert.Single(Of(lines, "doorbell.bind"));
        Assert.Single(Of(lines, "doorbell.unbind"));
        Assert.Equal(Of(lines, "iommu.map").Select(e => Text(e, "iova")).Order(), Of(lines, "iommu.unmap").Select(e => Text(e, "iova")).Order());

        // M5 at an ITS: the message stays, MOVI does it.
        Assert.Single(Of(lines, "its.command"), command => Text(command, "command").StartsWith("MOVI", StringComparison.Ordinal));
        Assert.NotEqual(Of(lines, "msi.deliver")[0].GetProperty("cpu").GetInt32(), Of(lines, "msi.deliver")[^1].GetProperty("cpu").GetInt32());
        Assert.Equal("good", Text(Assert.Single(Of(lines, "explain.verdict")), "verdict"));
    }

    [Fact]
    public void A_device_below_a_port_without_ACS_is_shown_with_the_port_in_its_group()
    {
        (int status, string output, _) = Command.Run("explain", "virt-gicv3", "--device", "04:00.0");
        Assert.Equal(0, status);
        Assert.Matches("2 +0000:00:0a.0 +bridge +pcieport +a bridge that sends peers' traffic across \\(no ACS\\)\n", output);
        Assert.Matches("2 +0000:04:00.0 +pci-test +vfio-pci +below 0000:00:0a.0, which does not isolate \\(no ACS\\)\n", output);
        Assert.Contains("Group 2 is viable (V4)", output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_nvme_disk_in_memory_can_be_taken_through_it_as_well()
    {
        (int status, string output, string error) = Command.Run("explain", "virt-gicv3", "--device", "02:00.0=nvme,size=1M");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("0000:02:00.0, nvme with MSI-X", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Doorbells_are_in_the_window_of_the_machine_s_file()
    {
        (int status, string output, _) = Command.Run("explain", "virt-gicv3-x86guest");
        Assert.Equal(0, status);
        Assert.Matches("0 +0xfee00040 +0x0 +0x8090040", output);
        Assert.Contains("msi-window in the machine's description", output, StringComparison.Ordinal);
        Assert.Contains("0x0-0xfedfffff and 0xfef00000-0xffffffffffff", output, StringComparison.Ordinal);
    }

    private static List<JsonElement> Lines(string output) => [.. output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];

    private static List<JsonElement> Of(List<JsonElement> lines, string kind) => [.. lines.Where(line => Text(line, "kind") == kind)];

    private static string Text(JsonElement line, string name) => line.GetProperty(name).GetString()!;
}
