using System.Text.Json;
using Doorbell.Machines;
using Doorbell.Tests.Machines;

namespace Doorbell.Tests.Cli;

public class ExplainTests
{
    [Theory]
    [InlineData("virt-gicv3", "LPI 8192")]
    [InlineData("virt-gicv2m", "SPI 80", "--allow-unsafe-interrupts")]
    [InlineData("amd-overdrive", "SPI 64", "--allow-unsafe-interrupts")]
    public void Every_MSI_arrives_where_it_was_armed_and_nothing_is_left(string machine, string interrupt, params string[] options)
    {
        (int status, string output, string error) = Command.Run(["explain", machine, "--vectors", "3", .. options]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(interrupt, output, StringComparison.Ordinal);
        Assert.Contains("smp_affinity of vector 0: from CPU 0 to CPU 1 (M5).", output, StringComparison.Ordinal);
        Assert.Contains("every message cleared in the device, every vector back at the controller (M6).", output, StringComparison.Ordinal);
        Assert.Contains("Raised once more, vector 0 goes nowhere.", output, StringComparison.Ordinal);
        Assert.Contains("no group open, nothing mapped, the domain empty and freed (V7, N2).", output, StringComparison.Ordinal);
        Assert.EndsWith("3 vectors armed, 4 MSIs raised, each arrived where it was armed; nothing is left behind.\n", output, StringComparison.Ordinal);
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
        List<JsonElement> lines = [.. output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];

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
        Assert.Contains("0000:00:0a.0 (bridge), 0000:04:00.0; viable (V4)", output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_nvme_disk_in_memory_can_be_taken_through_it_as_well()
    {
        (int status, string output, string error) = Command.Run("explain", "virt-gicv3", "--device", "02:00.0=nvme,size=1M");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("0000:02:00.0 is nvme", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Doorbells_are_in_the_window_of_the_machine_s_file()
    {
        (int status, string output, _) = Command.Run("explain", "virt-gicv3-x86guest");
        Assert.Equal(0, status);
        Assert.Contains("0xfee00040 <- 0x0", output, StringComparison.Ordinal);
        Assert.Contains("0x0-0xfedfffff and 0xfef00000-0xffffffffffff", output, StringComparison.Ordinal);
    }

    private static List<JsonElement> Of(List<JsonElement> lines, string kind) => [.. lines.Where(line => Text(line, "kind") == kind)];

    private static string Text(JsonElement line, string name) => line.GetProperty(name).GetString()!;
}
