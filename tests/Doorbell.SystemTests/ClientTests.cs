using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>The small VFIO client on pci-test: every step answers as the kernel would, and the trace says what happened behind it.</summary>
[Trait("Category", "Published")]
public class ClientTests
{
    private const ulong ItsTranslater = 0x0809_0040;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [SkippableTheory]
    [InlineData("dynamic")]
    [InlineData("static")]
    public void The_whole_walk_answers_as_the_kernel_would_and_leaves_nothing_in_the_engine(string linkage)
    {
        string client = ClientProgram.Path(linkage);
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").Trace(trace)
            .ToEnd(Patience, client, "walk", DoorbellCommand.Slot).MustSucceed();

        Assert.Contains("ok all of walk", outcome.Lines);
        IReadOnlyList<TraceEvent> events = TraceEvent.ReadAll(trace);
        var msi = new MsiTrace(events, ItsTranslater);
        Assert.Equal(8, msi.Deliveries.Count);
        msi.MustEndEmpty();

        // I10: the three copies that went astray, each with who, where, which way and why; nothing else went astray.
        TraceEvent[] faults = [.. events.Where(step => step.Kind == "iommu.fault")];
        Assert.All(faults, fault => Assert.Equal(0x100ul, fault.Number("stream")));
        Assert.Equal(
            [("read", 0x8000_0000ul), ("write", 0x8000_0000ul), ("read", 0x4000_0000ul)],
            faults.Select(fault => (fault["direction"], fault.Number("iova"))));
        Assert.DoesNotContain(events, step => step.Kind == "msi.refused");
    }

    [SkippableTheory]
    [InlineData("signals", "virt-gicv3")]
    [InlineData("alarm", "virt-gicv3")]
    [InlineData("fork-dup", "virt-gicv3")]
    [InlineData("close-orders", "virt-gicv3")]
    [InlineData("reopen", "virt-gicv3")]
    [InlineData("events", "virt-gicv3")]
    [InlineData("exec-memory", "virt-gicv3")]
    [InlineData("memlock", "virt-gicv3")]
    public void T2_T4_V7_The_client_gets_by_in_every_mode(string mode, string machine)
    {
        string client = ClientProgram.Path("dynamic");

        Outcome outcome = new DoorbellCommand(machine).Device("pci-test")
            .ToEnd(Patience, client, mode, DoorbellCommand.Slot).MustSucceed();

        Assert.Contains($"ok all of {mode}", outcome.Lines);
    }

    [SkippableTheory]
    [InlineData("fork-dup", "static")]
    [InlineData("outlive", "dynamic")]
    [InlineData("outlive", "static")]
    [InlineData("exec", "dynamic")]
    [InlineData("exec", "static")]
    [InlineData("threads", "dynamic")]
    [InlineData("threads", "static")]
    public void T4_V7_Processes_and_threads_share_what_is_open_and_the_engine_ends_empty(string mode, string linkage)
    {
        string client = ClientProgram.Path(linkage);
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").Trace(trace)
            .ToEnd(Patience, client, mode, DoorbellCommand.Slot).MustSucceed();

        Assert.Contains($"ok all of {mode}", outcome.Lines);
        IReadOnlyList<TraceEvent> events = TraceEvent.ReadAll(trace);
        new MsiTrace(events, ItsTranslater).MustEndEmpty();
        Assert.DoesNotContain(events, step => step.Kind is "iommu.fault" or "msi.refused");
        Assert.Equal(events.Count(step => step.Kind == "iommu.map"), events.Count(step => step.Kind == "iommu.unmap"));
    }

    /// <remarks>The client knows both places it puts the window at; that its doorbell is mapped there, and nowhere else, only the trace can say.</remarks>
    [SkippableTheory]
    [InlineData("virt-gicv3", ItsTranslater)]
    [InlineData("amd-overdrive", 0xe118_0040ul)]
    public void V1_V2_V6_A_client_of_the_series_gives_the_window_and_its_doorbells_are_mapped_inside_it(string machine, ulong doorbell)
    {
        const ulong Window = 0x0c00_0000, OtherWindow = 0x0c04_0000, Page = 0x1000;
        string client = ClientProgram.Path("dynamic");
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand(machine).Device("pci-test").Uapi("reserved-iova-v6").AllowUnsafeInterrupts().Trace(trace)
            .ToEnd(Patience, client, "series", DoorbellCommand.Slot).MustSucceed();

        Assert.Contains("ok pages asked for: 1", outcome.Lines);
        Assert.Contains("ok all of series", outcome.Lines);
        Assert.Contains("no window for doorbells (I5)", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("references to doorbells are held in it", outcome.Errors, StringComparison.Ordinal);
        IReadOnlyList<TraceEvent> events = TraceEvent.ReadAll(trace);
        var msi = new MsiTrace(events, doorbell, Window);
        Assert.Equal(8, msi.Deliveries.Count);
        msi.MustEndEmpty();
        Assert.Equal(
            [(Window, Page), (OtherWindow, Page)],
            events.Where(step => step.Kind == "doorbell.bind").Select(step => (step.Number("iova"), step.Number("size"))));
    }

    [SkippableTheory]
    [InlineData("leaderless")]
    [InlineData("apart")]
    public void T7_T8_A_thread_goes_on_after_the_main_thread_has_ended_and_with_descriptors_of_its_own(string mode)
    {
        Skip.If(Environment.OSVersion.Version < new Version(6, 9), "SKIPPED: such a thread's descriptors can be fetched since Linux 6.9 (PIDFD_THREAD)");
        string client = ClientProgram.Path("dynamic");

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test")
            .ToEnd(Patience, client, mode, DoorbellCommand.Slot).MustSucceed();

        Assert.Contains($"ok all of {mode}", outcome.Lines);
    }

    /// <remarks>The numbers are what Linux 6.1 (Debian 12) answered the same program on a vfio-pci device; 118 binds cdevs, of which it knew nothing yet.</remarks>
    [SkippableFact]
    public void Every_ioctl_answers_an_argument_of_zeros_as_Linux_does_and_is_named_in_the_trace()
    {
        string client = ClientProgram.Path("dynamic");
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");
        Dictionary<string, string> known = new()
        {
            ["container 100"] = "0",
            ["container 101"] = "0",
            ["container 102"] = "EINVAL",
            ["container 112"] = "EINVAL",
            ["container 113"] = "EINVAL",
            ["container 114"] = "EINVAL",
            ["container 117"] = "EINVAL",
            ["group 103"] = "EINVAL",
            ["group 104"] = "EINVAL",
            ["group 105"] = "EBUSY",
            ["group 106"] = "ENODEV",
            ["device 107"] = "EINVAL",
            ["device 108"] = "EINVAL",
            ["device 109"] = "EINVAL",
            ["device 110"] = "EINVAL",
            ["device 111"] = "0",
            ["device 112"] = "EINVAL",
            ["device 113"] = "EINVAL",
            ["device 116"] = "EINVAL",
            ["device 117"] = "EINVAL",
            ["device 118"] = "EINVAL",
        };

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").Trace(trace)
            .ToEnd(Patience, client, "ioctls", DoorbellCommand.Slot).MustSucceed();

        IEnumerable<string> expected =
            from file in new[] { "container", "group", "device" }
            from number in Enumerable.Range(99, 26)
            select $"ok ioctl {file} {number} {known.GetValueOrDefault($"{file} {number}", "ENOTTY")}";
        Assert.Equal(expected, outcome.Lines.Where(line => line.StartsWith("ok ioctl ", StringComparison.Ordinal)));
        HashSet<string> traced = [.. TraceEvent.ReadAll(trace).Where(step => step.Kind == "client.ioctl").Select(step => step["name"])];
        Assert.All(
            ["VFIO_IOMMU_DIRTY_PAGES", "VFIO_DEVICE_IOEVENTFD", "VFIO_DEVICE_FEATURE", "VFIO_DEVICE_QUERY_GFX_PLANE", "ioctl 0x3b63"],
            name => Assert.Contains(name, traced));
    }

    [SkippableTheory]
    [InlineData("amd-overdrive")]
    [InlineData("virt-gicv2m")]
    public void V3_A_controller_that_does_not_check_who_writes_is_refused_and_the_reason_is_said(string machine)
    {
        string client = ClientProgram.Path("dynamic");

        Outcome outcome = new DoorbellCommand(machine).Device("pci-test")
            .ToEnd(Patience, client, "refuse", DoorbellCommand.Slot).MustSucceed();

        Assert.Contains("ok VFIO_SET_IOMMU: EPERM", outcome.Lines);
        Assert.Matches("group [0-9]+ .*v2m", outcome.Errors);
        Assert.Contains("--allow-unsafe-interrupts", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("amd-overdrive", 0xe118_0040ul)]
    [InlineData("virt-gicv2m", 0x0802_0040ul)]
    public void V3_With_unsafe_interrupts_allowed_the_walk_goes_through_the_v2m_doorbell_and_the_trace_remembers(string machine, ulong doorbell)
    {
        string client = ClientProgram.Path("dynamic");
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");

        new DoorbellCommand(machine).Device("pci-test").AllowUnsafeInterrupts().Trace(trace)
            .ToEnd(Patience, client, "walk", DoorbellCommand.Slot).MustSucceed();

        IReadOnlyList<TraceEvent> events = TraceEvent.ReadAll(trace);
        Assert.Contains(events, step => step.Kind == "vfio.unsafe");
        var msi = new MsiTrace(events, doorbell);
        Assert.Equal(8, msi.Deliveries.Count);
        msi.MustEndEmpty();
    }

    [SkippableFact]
    public void The_programs_exit_status_is_the_commands()
    {
        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").ToEnd(Patience, "/bin/sh", "-c", "exit 37");

        Assert.True(outcome.ExitCode == 37, outcome.Report);
    }

    [SkippableFact]
    public void The_client_sees_the_described_machines_devices_and_none_of_this_computers()
    {
        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test")
            .ToEnd(Patience, "/bin/sh", "-c", "ls /sys/bus/pci/devices; echo --; ls /sys/kernel/iommu_groups; echo --; ls /dev/vfio").MustSucceed();

        string[] parts = outcome.Output.Split("--\n");
        string[] devices = parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(DoorbellCommand.Slot, devices);
        // Root ports and the device that was plugged in: nothing else.
        Assert.Equal(["0000:00:05.0", "0000:00:06.0", "0000:00:0a.0", "0000:01:00.0"], devices);
        string[] groups = parts[1].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(groups);
        Assert.Contains("vfio", parts[2].Split('\n'));
    }

    [SkippableTheory]
    [InlineData("walk")]
    [InlineData("reopen")]
    public void No_root_is_needed(string mode)
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "SKIPPED: every other test has shown it already");
        Assert.Contains($"ok all of {mode}", AsNobody(mode).Lines);
    }

    [SkippableFact]
    public void T11_A_client_that_makes_itself_undumpable_is_refused_and_told_so()
    {
        Outcome outcome = AsNobody("undumpable");
        Assert.Contains("ok all of undumpable", outcome.Lines);
        Assert.Contains("made itself undumpable", outcome.Errors, StringComparison.Ordinal);
    }

    /// <summary>One of the client's modes as an ordinary user.</summary>
    private static Outcome AsNobody(string mode)
    {
        string client = ClientProgram.Path("static");
        if (!Environment.IsPrivilegedProcess)
        {
            return new DoorbellCommand("virt-gicv3").Device("pci-test").ToEnd(Patience, client, mode, DoorbellCommand.Slot).MustSucceed();
        }

        Requirement.Package("/usr/bin/setpriv", "util-linux");
        Run.ToEnd(DoorbellCommand.Program, ["--help"], Patience).MustSucceed();
        using var folder = new TemporaryFolder();

        // The checkout may lie where only root can read.
        string copy = folder.Folder("copy");
        Run.ToEnd("/bin/cp", ["-r", DoorbellCommand.Folder + "/.", client, copy], Patience).MustSucceed();
        Run.ToEnd("/bin/chmod", ["-R", "a+rX", folder.Path], Patience).MustSucceed();

        string[] nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", Path.Combine(copy, "doorbell")];
        string[] arguments = new DoorbellCommand("virt-gicv3").Device("pci-test").Arguments(Path.Combine(copy, "vfio-client-static"), mode, DoorbellCommand.Slot);
        return Run.ToEnd("/usr/bin/setpriv", [.. nobody, .. arguments], Patience).MustSucceed();
    }
}
