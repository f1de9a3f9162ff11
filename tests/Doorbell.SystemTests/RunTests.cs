using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>What a program finds and how it ends under <c>doorbell run</c>, as root and as an ordinary user (T1, T9, T10, T11).</summary>
[Trait("Category", "Published")]
public class RunTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [SkippableTheory]
    [InlineData(7, "exit 7")]
    [InlineData(128 + 9, "kill -9 $$")]
    [InlineData(128 + 13, "kill -PIPE $$")]
    [InlineData(127, "exec /nonexistent")]
    public void The_exit_status_is_the_programs(int status, string script)
    {
        foreach (bool ordinary in Users())
        {
            Outcome outcome = Shell(ordinary, script);
            Assert.True(outcome.ExitCode == status, outcome.Report);
        }
    }

    [SkippableTheory]
    [InlineData(127, "/nonexistent/program", "No such file")]
    [InlineData(126, "/etc/passwd", "Permission denied")]
    public void A_program_that_cannot_be_started_is_named(int status, string program, string reason)
    {
        Outcome outcome = new DoorbellCommand("virt-gicv3").ToEnd(Patience, program);
        Assert.True(outcome.ExitCode == status, outcome.Report);
        Assert.Contains($"doorbell: cannot start {program}: {reason}", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void T10_The_program_sees_the_machines_devices_and_none_of_this_computers()
    {
        foreach (bool ordinary in Users())
        {
            Outcome outcome = Shell(ordinary, "ls /sys/bus/pci/devices /dev/vfio; ls -d /sys/devices/pci*; cat /sys/bus/pci/devices/0000:01:00.0/vendor; cat /dev/null && echo null works")
                .MustSucceed();
            Assert.Equal(
                ["/dev/vfio:", "3", "vfio", "", "/sys/bus/pci/devices:", "0000:00:05.0", "0000:00:06.0", "0000:00:0a.0", "0000:01:00.0",
                    "/sys/devices/pci0000:00", "0x1234", "null works"],
                outcome.Lines.SkipLast(1));
        }
    }

    [SkippableTheory]
    [InlineData("cat /dev/vfio/vfio")]
    [InlineData("echo x >/dev/vfio/vfio")]
    [InlineData("echo x >/sys/bus/pci/devices/0000:01:00.0/enable")]
    [InlineData("mkdir /sys/bus/pci/devices/x")]
    public void T1_What_is_not_emulated_fails_instead_of_touching_something_else(string script)
    {
        foreach (bool ordinary in Users())
        {
            Outcome outcome = Shell(ordinary, script);
            Assert.True(outcome.ExitCode != 0 && outcome.Output.Length == 0, outcome.Report);
        }
    }

    [SkippableFact]
    public void The_program_is_the_user_with_nothing_gained()
    {
        foreach (bool ordinary in Users())
        {
            // What whoever started these tests ignores or blocks is the program's too, as it would be without doorbell.
            const string Signals = "grep -E '^(SigIgn|SigBlk)' /proc/self/status";
            Outcome without = Run.ToEnd("/bin/sh", ["-c", Signals], Patience).MustSucceed();
            Outcome outcome = Shell(ordinary, $"id -u; grep -E '^(NoNewPrivs|CapAmb)' /proc/self/status; {Signals}").MustSucceed();
            string user = !IsRoot ? outcome.Lines.First() : ordinary ? "65534" : "0";
            Assert.Equal([user, "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", .. without.Lines.Select(WithoutPipe)], outcome.Lines.Select(WithoutPipe));
        }
    }

    [SkippableFact]
    public void The_program_inherits_what_the_user_gave_and_no_more()
    {
        const string Script = "ulimit -n; ls /proc/self/fd; env | grep -vE '^(_|PWD|OLDPWD|SHLVL)' | sort";
        Outcome without = Run.ToEnd("/bin/sh", ["-c", Script], Patience);
        Outcome with = Shell(ordinary: !IsRoot, Script);
        string[] expected = [.. without.Lines.Where(line => !line.StartsWith("DOORBELL_TEST_RUN", StringComparison.Ordinal))];
        Assert.Equal(expected, with.Lines.Where(line => !line.StartsWith("DOORBELL_TEST_RUN", StringComparison.Ordinal)));
    }

    [SkippableFact]
    public void The_program_gets_bytes_that_are_no_text_and_the_limit_of_open_files_of_the_calling_shell()
    {
        string[] run = new DoorbellCommand("virt-gicv3").Arguments("sh", "-c", "ulimit -Sn; printf %s \"$1\" | od -An -tx1", "sh");
        string script = "ulimit -Sn 777; exec \"$@\" \"$(printf 'a\\377b')\"";
        Outcome outcome = Run.ToEnd("/bin/sh", ["-c", script, "sh", DoorbellCommand.Program, .. run], Patience).MustSucceed();
        Assert.Equal(["777", " 61 ff 62", ""], outcome.Lines);
    }

    [SkippableFact]
    public void T9_A_request_to_end_is_passed_on()
    {
        using Run run = new DoorbellCommand("virt-gicv3").Start(null, "sh", "-c", "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done");
        run.WaitForLine("ready", Patience);
        Signals.Terminate(run.Id);
        Outcome outcome = run.WaitForEnd(Patience);
        Assert.True(outcome.ExitCode == 42, outcome.Report);
    }

    [SkippableFact]
    public void T9_What_the_program_leaves_running_is_waited_for()
    {
        Outcome outcome = Shell(ordinary: false, "(sleep 1; echo late) & exit 3");
        Assert.True(outcome.ExitCode == 3, outcome.Report);
        Assert.Contains("late", outcome.Lines);
    }

    [SkippableFact]
    public void T9_A_failure_before_the_program_starts_ends_the_run_with_a_sentence()
    {
        Requirement.Package("/usr/bin/unshare", "util-linux");
        string[] run = new DoorbellCommand("virt-gicv3").Arguments("true");
        string[] arguments = ["-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$@\"", "sh", DoorbellCommand.Program, .. run];
        Outcome outcome = Run.ToEnd("/usr/bin/unshare", arguments, Patience);
        Assert.True(outcome.ExitCode == 125, outcome.Report);
        Assert.Contains("doorbell: inotify_init1 failed with EMFILE", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void T9_What_is_waited_for_is_named_when_it_takes_long()
    {
        Outcome outcome = Shell(ordinary: false, "sleep 3 & echo $!; exit 5");
        Assert.True(outcome.ExitCode == 5, outcome.Report);
        Assert.Contains($"waiting for what it left running: process {outcome.Lines.First()}\n", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("INT")]
    [InlineData("QUIT")]
    public void T9_What_a_terminal_has_not_sent_to_the_program_is_passed_on(string signal)
    {
        string script = $"trap 'exit 42' {signal}; echo ready; while :; do sleep 0.05; done";

        // A shell's job in the background is started with both ignored, and hands that down to whoever runs these tests in one.
        string[] command = new DoorbellCommand("virt-gicv3").Arguments("sh", "-c", script);
        using Run run = Run.Start("/usr/bin/env", [$"--default-signal={signal}", DoorbellCommand.Program, .. command]);
        run.WaitForLine("ready", Patience);
        Run.ToEnd("/bin/kill", [$"-{signal}", $"{run.Id}"], Patience).MustSucceed();
        Outcome outcome = run.WaitForEnd(Patience);
        Assert.True(outcome.ExitCode == 42, outcome.Report);
    }

    [SkippableFact]
    public void The_exit_status_is_the_programs_where_ends_of_children_were_ignored()
    {
        string[] run = new DoorbellCommand("virt-gicv3").Arguments("sh", "-c", "exit 7");
        Outcome outcome = Run.ToEnd("/usr/bin/env", ["--ignore-signal=CHLD", DoorbellCommand.Program, .. run], Patience);
        Assert.True(outcome.ExitCode == 7, outcome.Report);
    }

    [SkippableFact]
    public void T10_The_program_can_open_pseudo_terminals()
    {
        Requirement.Package("/usr/bin/script", "bsdutils");
        foreach (bool ordinary in Users())
        {
            Outcome outcome = Shell(ordinary, "script -qec 'test -t 0 && test -c $(tty) && echo a terminal' /dev/null </dev/null; cat /dev/.real/vfio/* /dev/.real/iommu");
            Assert.Equal("a terminal\n", outcome.Output);
        }
    }

    [SkippableTheory]
    [InlineData("/sys/bus/pci/devices", "/sys/bus/pci/devices")]
    [InlineData("/sys/devices/pci0000:00/0000:00:02.0", "/sys/devices/pci0000:00")]
    public void T10_The_working_directory_is_the_views(string directory, string found)
    {
        Skip.IfNot(Directory.Exists(directory), $"SKIPPED: this computer has no {directory}");
        string[] run = new DoorbellCommand("virt-gicv3").Arguments("sh", "-c", "pwd -P; ls | sort >&2; ls $(pwd -P) | sort");
        Outcome outcome = Run.ToEnd("/bin/sh", ["-c", $"cd {directory} && exec \"$@\"", "sh", DoorbellCommand.Program, .. run], Patience);
        Assert.Equal(found, outcome.Lines.First());
        Assert.EndsWith(outcome.Output[(found.Length + 1)..], outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(directory != found, outcome.Errors.Contains($"it starts in {found}\n", StringComparison.Ordinal));
    }

    [SkippableFact]
    public void T11_A_doorbell_under_another_says_that_there_can_be_one()
    {
        Outcome outcome = new DoorbellCommand("virt-gicv3").ToEnd(Patience, [DoorbellCommand.Program, .. new DoorbellCommand("virt-gicv3").Arguments("true")]);
        Assert.True(outcome.ExitCode == 125, outcome.Report);
        Assert.Contains("already runs under a supervisor", outcome.Errors, StringComparison.Ordinal);
    }

    // .NET ignores SIGPIPE in the process that starts both, and what it was before cannot be told.
    private static string WithoutPipe(string line)
    {
        const string Ignored = "SigIgn:\t";
        const ulong Pipe = 1UL << 12;
        return line.StartsWith(Ignored, StringComparison.Ordinal)
            ? $"{Ignored}{Convert.ToUInt64(line[Ignored.Length..], 16) & ~Pipe:x16}"
            : line;
    }

    private static bool IsRoot => Environment.IsPrivilegedProcess;

    /// <summary>As whom: this user, and an ordinary one where this is root.</summary>
    private static IEnumerable<bool> Users() => IsRoot ? [false, true] : [true];

    private static Outcome Shell(bool ordinary, string script)
    {
        string[] arguments = new DoorbellCommand("virt-gicv3").Device("pci-test").Arguments("sh", "-c", script);
        return ordinary && IsRoot ? OrdinaryUser.Doorbell(Patience, arguments) : Run.ToEnd(DoorbellCommand.Program, arguments, Patience);
    }
}
