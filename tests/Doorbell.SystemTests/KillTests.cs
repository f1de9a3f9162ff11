using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>V7, T9: kill -9 at any point returns everything and leaves no process, mount or file.</summary>
public class KillTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(10);

    [Trait("Category", "Published")]
    [SkippableTheory]
    [InlineData("dynamic")]
    [InlineData("static")]
    public void Whichever_process_is_killed_all_others_end_and_nothing_is_left(string linkage)
    {
        string client = ClientProgram.Path(linkage);
        int processes = int.MaxValue;
        // Each process of a run in turn: the client, the supervisor, whatever stands between them.
        for (int victim = 0; victim < processes; victim++)
        {
            using var folder = new TemporaryFolder();
            string temporary = folder.Folder("tmp");
            var before = new Leftovers();
            using Run run = new DoorbellCommand("virt-gicv3").Device("pci-test").Start(temporary, client, "hold", DoorbellCommand.Slot);
            run.WaitForLine("ok holding", Patience);
            IReadOnlyList<MarkedProcess> tree = run.Marker.Find();
            Assert.Contains(tree, process => process.Id == run.Id);
            Assert.Contains(tree, process => process.Program == client);
            processes = tree.Count;

            Signals.Kill(tree[victim].Id);

            IReadOnlyList<MarkedProcess> left = run.Marker.FindAfter(Promptly);
            Assert.True(left.Count == 0, $"{tree[victim]} was killed and {string.Join("; ", left)} lived on");
            run.WaitForEnd(Patience);
            Assert.True(before.Find().Count == 0, $"{tree[victim]} was killed and there is {string.Join("; ", before.Find())}");
            Assert.True(!Directory.EnumerateFileSystemEntries(temporary).Any(), $"{tree[victim]} was killed and there is {string.Join("; ", Directory.GetFileSystemEntries(temporary))}");
        }
    }

    [Trait("Category", "Published")]
    [SkippableFact]
    public void An_ordinary_end_leaves_nothing_either()
    {
        string client = ClientProgram.Path("dynamic");
        using var folder = new TemporaryFolder();
        string temporary = folder.Folder("tmp");
        var before = new Leftovers();

        using Run run = new DoorbellCommand("virt-gicv3").Device("pci-test").Start(temporary, client, "walk", DoorbellCommand.Slot);
        run.WaitForEnd(Patience).MustSucceed();

        Assert.Empty(before.Find());
        Assert.Empty(Directory.EnumerateFileSystemEntries(temporary));
    }

    [Trait("Category", "Published")]
    [SkippableFact]
    public void V7_After_a_client_is_killed_the_next_one_under_the_same_host_finds_everything_free()
    {
        string client = ClientProgram.Path("dynamic");
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");
        string script = $"""
            '{client}' hold {DoorbellCommand.Slot} >'{folder.File("hold")}' &
            until grep -q 'ok holding' '{folder.File("hold")}'; do sleep 0.05; kill -0 $! || exit 3; done
            kill -9 $!
            wait $!
            exec '{client}' walk {DoorbellCommand.Slot}
            """;

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").Trace(trace).ToEnd(Patience, "/bin/sh", "-c", script).MustSucceed();

        Assert.Contains("ok all of walk", outcome.Lines);
        new MsiTrace(TraceEvent.ReadAll(trace), doorbell: 0x0809_0040).MustEndEmpty();
    }

    [SkippableFact]
    public void A_guest_killed_while_it_writes_leaves_nothing()
    {
        Guest.Amd64WithHole.Require();
        using var folder = new TemporaryFolder();
        string disk = folder.Disk(GuestWorkload.Small.DiskMebibytes);
        string temporary = folder.Folder("tmp");
        var before = new Leftovers();
        using Run run = new DoorbellCommand("virt-gicv3").Device($"nvme,file={disk}")
            .Start(temporary, Guest.Amd64WithHole.Command(GuestWorkload.Small, "-device", $"vfio-pci,host={DoorbellCommand.Slot}"));
        run.WaitForLine("disk nvme0n1 sectors", TimeSpan.FromMinutes(3));
        MarkedProcess qemu = Assert.Single(run.Marker.Find(), process => process.Program.Contains("qemu-system", StringComparison.Ordinal));

        Signals.Kill(qemu.Id);

        Outcome outcome = run.WaitForEnd(Patience);
        Assert.True(outcome.ExitCode == 128 + 9, outcome.Report);
        Assert.Empty(before.Find());
        Assert.Empty(Directory.EnumerateFileSystemEntries(temporary));
    }
}
