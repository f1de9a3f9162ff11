using System.Text.Json;
using System.Xml.Linq;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>Every refusal, lost interrupt and fault of a run is explained once: on standard error and in the reports (docs/report.md).</summary>
public class ReportTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [SkippableFact]
    public void What_went_wrong_is_in_the_reports_once_with_who_what_why_and_what_to_do()
    {
        string client = ClientProgram.Path("dynamic");
        using var folder = new TemporaryFolder();
        (string json, string xml) = (folder.File("report.json"), folder.File("report.xml"));

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").Report(json).Report(xml)
            .ToEnd(Patience, client, "troubles", DoorbellCommand.Slot).MustSucceed();

        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(json));
        JsonElement root = report.RootElement;
        Assert.Equal("doorbell-report-1", Text(root, "schema"));
        Assert.Equal("virt-gicv3", Text(root.GetProperty("run"), "machine"));
        Assert.Equal(0, root.GetProperty("run").GetProperty("exit_status").GetInt32());

        // One refusal, a thousand times: one entry and one line, with its count.
        JsonElement refused = Assert.Single(root.GetProperty("refusals").EnumerateArray(), refusal => refusal.GetProperty("count").GetInt64() == 1000);
        Assert.Equal(("VFIO_IOMMU_MAP_DMA", "EINVAL", "N5", "error"), (Text(refused, "operation"), Text(refused, "errno"), Text(refused, "rule"), Text(refused, "severity")));
        Assert.StartsWith("VFIO_IOMMU_MAP_DMA(container 1, {argsz=32, flags=0x1, vaddr=0x", Text(refused, "call"), StringComparison.Ordinal);
        Assert.Equal(Path.GetFileName(client)[..Math.Min(15, Path.GetFileName(client).Length)], Text(refused, "program"));
        Assert.True(refused.GetProperty("pid").GetInt32() > 1);
        Assert.Equal("a user's mapping and the window never overlap", Text(refused, "rule_text"));
        Assert.Single(outcome.Errors.Split('\n'), line => line.Contains(Text(refused, "message"), StringComparison.Ordinal));
        Assert.Contains("doorbell: 1000 times in all: VFIO_IOMMU_MAP_DMA of container 1 (EINVAL)", outcome.Errors, StringComparison.Ordinal);

        // What programs ask as a matter of course is a note, and not on standard error.
        string[] notes = [.. root.GetProperty("refusals").EnumerateArray().Where(refusal => Text(refusal, "severity") == "note").Select(refusal => $"{Text(refusal, "operation")} {Text(refusal, "errno")}")];
        Assert.Equal(
            ["VFIO_DEVICE_GET_PCI_HOT_RESET_INFO ENOSPC", "VFIO_DEVICE_GET_INFO EINVAL", "VFIO_DEVICE_FEATURE ENOTTY", "VFIO_DEVICE_GET_REGION_INFO EINVAL", "VFIO_DEVICE_SET_IRQS EINVAL"],
            notes);
        Assert.DoesNotContain("HOT_RESET", outcome.Errors, StringComparison.Ordinal);

        // No failure without a word: these two nobody explains in particular.
        Assert.Single(root.GetProperty("refusals").EnumerateArray(), refusal => Text(refusal, "errno") == "EFAULT" && Text(refusal, "call") == $"VFIO_DEVICE_GET_INFO(device {DoorbellCommand.Slot}, 0x10)");
        Assert.Single(root.GetProperty("refusals").EnumerateArray(), refusal => Text(refusal, "operation") == "pread" && Text(refusal, "subject") == "group 3");

        // A full eventfd loses nothing: it is signalled as the kernel does it, by which its counter stays at the brim.
        Assert.Equal(
            [("Refused", 1L), ("NotSent", 1L), ("NotEnabled", 1L)],
            root.GetProperty("lost_interrupts").EnumerateArray().Select(lost => (Text(lost, "cause"), lost.GetProperty("count").GetInt64())));
        JsonElement[] faults = [.. root.GetProperty("faults").EnumerateArray()];
        Assert.Equal([("read", "0x80000000", 25L), ("write", "0x80000000", 1L)], faults.Select(fault => (Text(fault, "direction"), Text(fault, "iova"), fault.GetProperty("count").GetInt64())));
        Assert.All(faults, fault => Assert.Equal(("0x100", "F_TRANSLATION", "I10"), (Text(fault, "stream"), Text(fault, "fault"), Text(fault, "rule"))));

        // As the kernel's dmesg has it, and no more often than that.
        Assert.Equal(
            $"arm-smmu-v3 smmu: event: F_TRANSLATION client: {DoorbellCommand.Slot} sid: 0x100 ssid: 0x0 iova: 0x80000000 ipa: 0x0",
            faults[1].GetProperty("kernel_log")[5].GetString());
        Assert.InRange(outcome.Errors.Split('\n').Count(line => line.Contains("event: F_TRANSLATION", StringComparison.Ordinal)), 2, 20);

        JsonElement device = Assert.Single(root.GetProperty("devices").EnumerateArray());
        Assert.Equal(8, device.GetProperty("vectors").GetArrayLength());
        Assert.Equal([1L, 1, 1, 3, 1, 1, 1, 1], device.GetProperty("vectors").EnumerateArray().Select(vector => vector.GetProperty("delivered").GetInt64()));
        Assert.Equal(0, device.GetProperty("vectors")[3].GetProperty("lost").GetInt64());
        Assert.Equal(20, device.GetProperty("dma_read_bytes").GetInt64());

        JUnitMustAgree(XDocument.Load(xml), root);
    }

    [SkippableFact]
    public void V7_A_run_whose_program_is_killed_has_its_report_and_nothing_else_is_left_beside_it()
    {
        using var folder = new TemporaryFolder();
        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").Report(folder.File("report.json")).ToEnd(Patience, "sh", "-c", "kill -9 $$");
        Assert.True(outcome.ExitCode == 128 + 9, outcome.Report);
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(folder.File("report.json")));
        Assert.Equal(128 + 9, report.RootElement.GetProperty("run").GetProperty("exit_status").GetInt32());
        Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(folder.File("report.json"))!));
    }

    [SkippableTheory]
    [InlineData(2, "--machine", "no-such-machine")]
    [InlineData(2, "--device", "0000:01:00.0=pci-test,vectors=0")]
    [InlineData(125, "--device", "0000:01:00.0=nvme,file=/nonexistent/disk.img")]
    [InlineData(127, "--uapi", "mainline", "/nonexistent/program")]
    public void A_run_that_comes_to_nothing_has_a_report_that_says_why(int status, string option, string value, string program = "true")
    {
        using var folder = new TemporaryFolder();
        (string json, string xml) = (folder.File("report.json"), folder.File("report.xml"));
        Outcome outcome = Run.ToEnd(DoorbellCommand.Program, ["run", option, value, "--report", json, "--report", xml, "--", program], Patience);
        Assert.True(outcome.ExitCode == status, outcome.Report);
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(json));
        JsonElement run = report.RootElement.GetProperty("run");
        Assert.Equal(status, run.GetProperty("exit_status").GetInt32());
        Assert.Contains($"doorbell: {Text(run, "error")}\n", outcome.Errors, StringComparison.Ordinal);
        XElement failure = Assert.Single(XDocument.Load(xml).Descendants("failure"));
        Assert.Equal(Text(run, "error"), failure.Attribute("message")!.Value);
    }

    [SkippableTheory]
    [InlineData(125, "/nonexistent/report.json")]
    [InlineData(2, "/tmp/report.txt")]
    public void A_report_that_cannot_be_written_is_refused_before_the_program_starts(int status, string file)
    {
        Outcome outcome = new DoorbellCommand("virt-gicv3").Report(file).ToEnd(Patience, "echo", "started");
        Assert.True(outcome.ExitCode == status, outcome.Report);
        Assert.DoesNotContain("started", outcome.Output, StringComparison.Ordinal);
        Assert.Single(outcome.Errors.TrimEnd('\n').Split('\n'), line => line.Contains("report", StringComparison.Ordinal));
    }

    /// <remarks>.NET's Console would set the terminal up for itself, keypad mode first, as soon as something is written through it.</remarks>
    [SkippableTheory]
    [InlineData("run", "--machine", "no-such-machine", "--", "true")]
    [InlineData("run", "--", "stty", "-a")]
    [InlineData("--version")]
    public void The_terminal_stays_as_it_was(params string[] arguments)
    {
        Requirement.Package("/usr/bin/script", "bsdutils");
        string command = string.Join(' ', arguments.Prepend(DoorbellCommand.Program));
        Outcome outcome = Run.ToEnd("/usr/bin/script", ["-qec", command, "/dev/null"], Patience);
        Assert.NotEmpty(outcome.Output);
        Assert.DoesNotContain("\u001b", outcome.Output, StringComparison.Ordinal);
        if (arguments is [.., "-a"])
        {
            Outcome without = Run.ToEnd("/usr/bin/script", ["-qec", "stty -a", "/dev/null"], Patience);
            Assert.Equal(without.Output, outcome.Output);
        }
    }

    private static void JUnitMustAgree(XDocument junit, JsonElement report)
    {
        XElement[] suites = [.. junit.Root!.Elements("testsuite")];
        Assert.Equal(["doorbell run", DoorbellCommand.Slot], suites.Select(suite => suite.Attribute("name")!.Value.Split(" /")[0]));
        foreach (XElement suite in suites)
        {
            Assert.Equal((int)suite.Attribute("tests")!, suite.Elements("testcase").Count());
            Assert.Equal((int)suite.Attribute("failures")!, suite.Descendants("failure").Count());
        }

        IEnumerable<string> errors = from list in (string[])["refusals", "lost_interrupts", "faults"]
                                     from entry in report.GetProperty(list).EnumerateArray()
                                     where Text(entry, "severity") == "error"
                                     select Text(entry, "message");
        Assert.Equal(errors.Order(StringComparer.Ordinal), junit.Descendants("failure").Select(failure => failure.Attribute("message")!.Value).Order(StringComparer.Ordinal));
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";
}
