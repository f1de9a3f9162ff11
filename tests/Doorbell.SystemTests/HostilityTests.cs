using System.Globalization;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>
/// A client that means harm or is struck by bad luck (docs/hostility.md): whatever it does, it gets errnos, and nothing of it is left. Seeds are random
/// and printed; DOORBELL_SEED repeats one, DOORBELL_KILLS and DOORBELL_FUZZ_CALLS make it more.
/// </summary>
[Trait("Category", "Published")]
public class HostilityTests
{
    private const string Other = "0000:02:00.0";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(20);

    private static string Seed => Environment.GetEnvironmentVariable("DOORBELL_SEED") ?? Random.Shared.Next().ToString(CultureInfo.InvariantCulture);

    [SkippableFact]
    public void V7_A_client_killed_at_any_point_of_the_cycle_leaves_everything_free_for_the_next()
    {
        string rounds = Share("DOORBELL_KILLS", published: 1000, otherwise: 100);

        Outcome outcome = Hostile("kill", DoorbellCommand.Slot, Seed, rounds);

        Assert.Contains($"ok {rounds} clients killed, each followed by one that found everything free", outcome.Lines);
    }

    [SkippableTheory]
    [InlineData("supervisor")]
    [InlineData("launcher")]
    public void T9_Killed_at_any_moment_supervisor_and_launcher_take_everything_with_them(string victim)
    {
        string client = ClientProgram.Hostile();
        int rounds = int.Parse(Share("DOORBELL_KILLS", published: 60, otherwise: 4), CultureInfo.InvariantCulture);
        string seed = Seed;
        var random = new Random(int.Parse(seed, CultureInfo.InvariantCulture));
        using var folder = new TemporaryFolder();
        string temporary = folder.Folder("tmp");
        var before = new Leftovers();
        for (int round = 0; round < rounds; round++)
        {
            // Clients that come and die all the time, in every state of theirs.
            using Run run = Command().Start(temporary, client, "kill", DoorbellCommand.Slot, seed, "1000000");
            string when = $"seed {seed}, round {round}";
            if (victim == "supervisor")
            {
                Thread.Sleep(random.Next(DoorbellCommand.IsPublished ? 150 : 2000)); // from before there is a launcher on
                Signals.Kill(run.Id);
            }
            else
            {
                MarkedProcess? launcher;
                while ((launcher = run.Marker.Find().FirstOrDefault(process => process.Command.Contains(" launch ", StringComparison.Ordinal))) is null)
                {
                    Thread.Sleep(1);
                }

                Thread.Sleep(random.Next(100));
                Signals.Kill(launcher.Id);
            }

            IReadOnlyList<MarkedProcess> left = run.Marker.FindAfter(Promptly);
            Assert.True(left.Count == 0, $"the {victim} was killed and {string.Join("; ", left)} lived on ({when})");
            run.WaitForEnd(Patience);
            Assert.True(before.Find().Count == 0, $"the {victim} was killed and there is {string.Join("; ", before.Find())} ({when})");
            Assert.True(!Directory.EnumerateFileSystemEntries(temporary).Any(), $"the {victim} was killed and there is {string.Join("; ", Directory.GetFileSystemEntries(temporary))} ({when})");
        }
    }

    [SkippableTheory]
    [InlineData("supervisor")]
    [InlineData("launcher")]
    public void T9_Processes_that_fork_and_end_for_ever_are_ended_all_the_same(string victim)
    {
        using Run run = Command().Start(temporary: null, ClientProgram.Hostile(), "hydra", DoorbellCommand.Slot);
        run.WaitForLine("ok holding", Promptly);
        int killed = victim == "supervisor"
            ? run.Id
            : run.Marker.Find().First(process => process.Command.Contains(" launch ", StringComparison.Ordinal)).Id;

        Signals.Kill(killed);

        IReadOnlyList<MarkedProcess> left = run.Marker.FindAfter(Promptly);
        Assert.True(left.Count == 0, $"{string.Join("; ", left)} lived on");
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(4)]
    public void Random_calls_valid_mutated_and_wild_leave_the_host_as_good_as_new(int threads)
    {
        string calls = Share("DOORBELL_FUZZ_CALLS", published: threads == 1 ? 200_000 : 1_000_000, otherwise: 30_000);
        string mebibytes = DoorbellCommand.IsPublished ? "48" : "200"; // the runtime compiles meanwhile

        Outcome outcome = Hostile("fuzz", DoorbellCommand.Slot, Seed, calls, threads.ToString(CultureInfo.InvariantCulture), mebibytes, Other);

        Assert.Contains(outcome.Lines, line => line.StartsWith("ok as good as new", StringComparison.Ordinal));
    }

    [SkippableFact]
    public void V7_Processes_that_fight_for_one_group_never_win_two_at_a_time()
    {
        Outcome outcome = Hostile("fight", DoorbellCommand.Slot, Seed, "4", "3");

        Assert.Contains(outcome.Lines, line => line.EndsWith("never two winners, and the group is free", StringComparison.Ordinal));
    }

    [SkippableFact]
    public void T2_Under_signals_at_full_rate_each_write_map_and_trigger_happens_exactly_once() => Hostile("storm", DoorbellCommand.Slot, "3");

    [SkippableFact]
    public void T7_Eventfds_filled_to_the_brim_make_nobody_wait() => Hostile("brim", DoorbellCommand.Slot, "3");

    [SkippableFact]
    public void I10_A_device_reaches_its_own_containers_memory_and_no_other_process_is_taken_for_one_that_ended() => Hostile("reach", DoorbellCommand.Slot, Other);

    [SkippableFact]
    public void T4_With_thousands_of_files_open_none_is_taken_for_closed_and_nobody_is_slowed_down() => Limited("1024:8192", "exhaust", DoorbellCommand.Slot, "1024");

    [SkippableFact]
    public void T4_Without_a_descriptor_left_calls_fail_with_EMFILE_and_what_closes_is_free_again() => Limited("400:400", "exhaust", DoorbellCommand.Slot, "400", "1");

    [SkippableFact]
    public void I5_Terabytes_that_would_need_gigabytes_of_page_tables_are_refused_with_ENOMEM() => Hostile("hoard", DoorbellCommand.Slot);

    [SkippableFact]
    public void A_file_system_whose_server_does_not_answer_keeps_nobody_waiting_but_who_asked_it()
    {
        Outcome outcome = Hostile("unanswered", DoorbellCommand.Slot);

        string? missing = outcome.Lines.FirstOrDefault(line => line.StartsWith("ok no ", StringComparison.Ordinal));
        Skip.If(missing is not null, $"SKIPPED: {missing}");
    }

    [SkippableFact]
    public void T6_Memory_that_its_owner_never_delivers_ends_the_run_with_a_sentence_and_not_in_silence()
    {
        Outcome outcome = Command().ToEnd(Patience, [ClientProgram.Hostile(), "withhold", DoorbellCommand.Slot]);

        Skip.If(outcome.Output.Contains("ok no userfaultfd", StringComparison.Ordinal), "SKIPPED: this user may not have the kernel's own faults wait (vm.unprivileged_userfaultfd)");
        Assert.True(outcome.ExitCode == 125, outcome.Report);
        Assert.Matches(@"doorbell: hostile\[\d+\] keeps doorbell waiting in VFIO_IOMMU_MAP_DMA\(container 1", outcome.Errors);
    }

    [SkippableFact]
    public void A_client_finds_no_way_to_its_supervisor_nor_around_its_view() => Hostile("attack", DoorbellCommand.Slot);

    /// <summary>As an ordinary user, who has no right to look into other processes to begin with.</summary>
    [SkippableFact]
    public void An_ordinary_users_client_finds_supervisor_and_launcher_out_of_reach()
    {
        string client = ClientProgram.Hostile();
        Skip.IfNot(Environment.IsPrivilegedProcess, "SKIPPED: the test before has shown it already");

        Outcome outcome = OrdinaryUser.Doorbell(Patience, Command().Arguments(OrdinaryUser.Readable(client), "attack", DoorbellCommand.Slot)).MustSucceed();

        Assert.Contains("ok the supervisor's memory and descriptors are out of reach", outcome.Lines);
        Assert.Contains("ok the launcher's memory and descriptors are out of reach", outcome.Lines);
    }

    private static DoorbellCommand Command() => new DoorbellCommand("virt-gicv3").Device("pci-test").Device("pci-test", Other);

    /// <summary>With a soft and a hard limit of open files for all of the run.</summary>
    private static void Limited(string limits, string mode, params string[] arguments)
    {
        const string Prlimit = "/usr/bin/prlimit";
        Requirement.Package(Prlimit, "util-linux");
        string client = ClientProgram.Hostile();
        Outcome outcome = Run.ToEnd(Prlimit, [$"--nofile={limits}", DoorbellCommand.Program, .. Command().Arguments([client, mode, .. arguments])], Patience).MustSucceed();
        Assert.Contains($"ok all of {mode}", outcome.Lines);
        Assert.DoesNotContain("bug in doorbell", outcome.Errors, StringComparison.Ordinal);
    }

    private static Outcome Hostile(string mode, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");

        // A fuzzer's trace would be gigabytes.
        // The fuzzer's second device has parts that can be mapped.
        DoorbellCommand devices = mode is "fuzz" ? new DoorbellCommand("virt-gicv3").Device("pci-test").Device("nvme,size=16M", Other) : Command();
        DoorbellCommand command = mode is "fuzz" or "brim" or "storm" or "fight" ? devices : devices.Trace(trace);
        Outcome outcome = command.ToEnd(Patience, [ClientProgram.Hostile(), mode, .. arguments]).MustSucceed();
        Assert.Contains($"ok all of {mode}", outcome.Lines);
        Assert.DoesNotContain("bug in doorbell", outcome.Errors, StringComparison.Ordinal);
        if (File.Exists(trace))
        {
            Assert.Equal("nothing", TraceEvent.ReadAll(trace).Single(step => step.Kind == "client.end")["left"]);
        }

        return outcome;
    }

    /// <summary>How often: what the environment says, or the suite's share of it.</summary>
    private static string Share(string variable, int published, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) ?? (DoorbellCommand.IsPublished ? published : otherwise).ToString(CultureInfo.InvariantCulture);
}
