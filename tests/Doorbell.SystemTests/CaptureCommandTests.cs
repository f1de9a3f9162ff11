using System.Text.RegularExpressions;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary><c>doorbell capture</c> on the machine the tests run on, whatever it has: as root and as an ordinary user, and by the script of docs/capture.md without doorbell.</summary>
public partial class CaptureCommandTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [SkippableFact]
    public void A_capture_is_read_by_plain_tar_and_says_what_this_machine_says()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("host.tar");
        Outcome outcome = Run.ToEnd(DoorbellCommand.Program, ["capture", "-o", file], Patience).MustSucceed();

        string[] names = [.. Run.ToEnd("/bin/tar", ["tf", file], Patience).MustSucceed().Lines];
        Assert.Contains("proc/cmdline", names);
        Assert.Contains("MANIFEST", names);
        Assert.Equal("", Run.ToEnd("/bin/tar", ["tf", file], Patience).Errors);

        HostFacts live = HostReader.Read(HostSource.Open(null).Value), captured = HostReader.Read(HostSource.Open(file).Value);
        Assert.Equal(live.Functions.Select(static function => (function.Address, function.ClassCode, function.Driver, function.Group, function.Parent, function.Config.Length)),
            captured.Functions.Select(static function => (function.Address, function.ClassCode, function.Driver, function.Group, function.Parent, function.Config.Length)));
        Assert.Equal(live.Groups?.Select(static group => group.Number), captured.Groups?.Select(static group => group.Number));
        Assert.Equal((live.Architecture, live.Kernel.Release, live.Kernel.PageSize, live.Kernel.Configuration?.Count), (captured.Architecture, captured.Kernel.Release, captured.Kernel.PageSize, captured.Kernel.Configuration?.Count));
        Assert.Equal(live.Unknown.Select(static unknown => unknown.ToString()), captured.Unknown.Select(static unknown => unknown.ToString()));
        Assert.Contains($"{live.Functions.Count} PCI function", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Nothing_of_the_command_line_is_shown_that_is_not_about_devices()
    {
        string[] words = [.. File.ReadAllText("/proc/cmdline").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];
        Outcome outcome = Run.ToEnd("/bin/sh", ["-c", $"{DoorbellCommand.Program} capture -o - | tar xO proc/cmdline"], Patience).MustSucceed();
        string[] shown = [.. outcome.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];

        Assert.Equal(words.Length, shown.Length);
        Assert.All(words.Zip(shown), static pair => Assert.Equal(AboutDevices().IsMatch(pair.First) ? pair.First : "*", pair.Second));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_script_of_the_documentation_makes_the_same_capture_byte_for_byte_once_it_is_masked(bool isOrdinary)
    {
        using var folder = new TemporaryFolder();
        string text = File.ReadAllText(Repository.PathOf("docs", "capture.md"));
        int begin = text.IndexOf("```sh\n", StringComparison.Ordinal) + "```sh\n".Length;
        File.WriteAllText(folder.File("capture.sh"), text[begin..text.IndexOf("```", begin, StringComparison.Ordinal)]);
        Run.ToEnd("/bin/chmod", ["a+rwx", folder.Path], Patience).MustSucceed();
        Run.ToEnd("/bin/chmod", ["a+r", folder.File("capture.sh")], Patience).MustSucceed();

        string own = folder.File("own.tar"), plain = folder.File("plain.tar"), masked = folder.File("masked.tar");
        Outcome made = isOrdinary ? OrdinaryUser.Doorbell(Patience, "capture", "-o", own) : Run.ToEnd(DoorbellCommand.Program, ["capture", "-o", own], Patience);
        made.MustSucceed();
        (isOrdinary
            ? Run.ToEnd("/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", folder.File("capture.sh"), plain], Patience)
            : Run.ToEnd("/bin/sh", [folder.File("capture.sh"), plain], Patience)).MustSucceed();
        Run.ToEnd(DoorbellCommand.Program, ["capture", plain, "-o", masked], Patience).MustSucceed();

        Assert.Equal(File.ReadAllBytes(own), File.ReadAllBytes(masked));
    }

    [SkippableFact]
    public void An_ordinary_user_is_told_what_root_would_add()
    {
        Skip.IfNot(Environment.UserName == "root", "SKIPPED: only root can become another user");
        using var folder = new TemporaryFolder();
        Run.ToEnd("/bin/chmod", ["a+rwx", folder.Path], Patience).MustSucceed();
        Outcome outcome = OrdinaryUser.Doorbell(Patience, "capture", "-o", folder.File("host.tgz")).MustSucceed();

        Assert.Contains("root would add: the map of physical addresses", outcome.Errors, StringComparison.Ordinal);
        HostFacts facts = HostReader.Read(HostSource.Open(folder.File("host.tgz")).Value);
        Assert.Null(facts.Kernel.IoMemory);
        Assert.All(facts.Functions, static function => Assert.InRange(function.Config.Length, 0, 64));
        Assert.Equal(HostReader.Read(HostSource.Open(null).Value).Functions.Select(static function => function.Address), facts.Functions.Select(static function => function.Address));
    }

    [SkippableFact]
    public void A_capture_of_a_recorded_board_is_a_machine_with_the_groups_its_kernel_had()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("board.tar.gz");
        Run.ToEnd(DoorbellCommand.Program, ["capture", Repository.PathOf("tests", "Doorbell.Tests", "Captures", "data", "virt-gicv3-its-smmuv3"), "-o", file], Patience).MustSucceed();

        const string Script = "cd /sys/kernel/iommu_groups && for g in $(ls | sort -n); do echo $(ls $g/devices): $(cat $g/reserved_regions); done; test -e /dev/vfio/$(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/iommu_group))";
        Outcome outcome = new DoorbellCommand(file).ToEnd(Patience, "/bin/sh", "-c", Script).MustSucceed();
        HostFacts captured = HostReader.Read(HostSource.Open(file).Value);
        Assert.Equal(13, captured.Groups!.Count);
        Assert.Equal(
            captured.Groups.Select(static group => $"{string.Join(' ', group.Members)}: 0x0000000008000000 0x00000000080fffff msi").Order(StringComparer.Ordinal),
            outcome.Lines.Where(static line => line.Length > 0).Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public void A_file_that_cannot_be_written_is_a_failure_with_a_sentence()
    {
        Outcome outcome = Run.ToEnd(DoorbellCommand.Program, ["capture", "-o", "/dev/full"], Patience);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("cannot be written", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(2, Run.ToEnd(DoorbellCommand.Program, ["capture"], Patience).ExitCode);
        Assert.Equal(2, Run.ToEnd(DoorbellCommand.Program, ["capture", "/nowhere", "-o", "-"], Patience).ExitCode);
    }

    [GeneratedRegex(@"^(iommu|iommu\..*|iommufd.*|intel_iommu|amd_iommu|amd_iommu_intr|intremap|nointremap|arm[-_]smmu.*|vfio.*|pci|pcie_.*|irqchip.*|hugepages|hugepagesz|default_hugepagesz|kvm.*)(=.*)?$")]
    private static partial Regex AboutDevices();
}
