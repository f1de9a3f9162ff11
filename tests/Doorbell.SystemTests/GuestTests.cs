using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>An unmodified QEMU takes Doorbell's nvme through vfio-pci, and Debian's kernel in it uses the disk.</summary>
public class GuestTests
{
    private const string Passthrough = $"vfio-pci,host={DoorbellCommand.Slot}";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    [SkippableTheory]
    [InlineData("arm64", "virt-gicv3", 0x0800_0000ul)]
    [InlineData("amd64", "virt-gicv3-x86guest", 0xfee0_0000ul)]
    [InlineData("amd64 with a hole", "virt-gicv3", 0x0800_0000ul)]
    public void The_guest_reads_what_it_wrote_and_every_vector_went_through_the_engine(string name, string machine, ulong window)
    {
        Guest guest = Guest.Named(name);
        guest.Require();
        using var folder = new TemporaryFolder();
        string disk = folder.Disk(Guest.DiskMebibytes);
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand(machine).Device($"nvme,file={disk}").Trace(trace)
            .ToEnd(Patience, guest.Command("-device", Passthrough));

        var report = new GuestReport(outcome);
        report.MustBeSound(disk);
        MustHaveGoneThroughTheEngine(trace, doorbell: 0x0809_0040, window, report);
    }

    [SkippableFact]
    public void N5_A_guest_whose_RAM_lies_over_the_window_is_refused_as_on_a_real_ARM_host()
    {
        Guest.Amd64.Require();
        using var folder = new TemporaryFolder();

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device($"nvme,file={folder.Disk(Guest.DiskMebibytes)}")
            .ToEnd(Patience, Guest.Amd64.Command("-device", Passthrough));

        Assert.True(outcome.ExitCode == 1, outcome.Report);
        Assert.Matches("doorbell: VFIO_IOMMU_MAP_DMA .*EINVAL.*0x8000000-0x80fffff", outcome.Errors);
        Assert.Contains("Invalid argument", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void V3_The_series_own_board_is_refused_and_both_QEMU_and_Doorbell_say_why()
    {
        Guest.Arm64.Require();
        using var folder = new TemporaryFolder();
        string disk = folder.Disk(Guest.DiskMebibytes);

        Outcome outcome = new DoorbellCommand("amd-overdrive").Device($"nvme,file={disk}")
            .ToEnd(Patience, Guest.Arm64.Command("-device", Passthrough));

        Assert.True(outcome.ExitCode == 1, outcome.Report);
        Assert.Contains("Failed to set iommu for container: Operation not permitted", outcome.Errors, StringComparison.Ordinal);
        Assert.Matches("group [0-9]+ .*v2m", outcome.Errors);
        Assert.Contains("--allow-unsafe-interrupts", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void V3_With_unsafe_interrupts_allowed_the_guest_works_through_the_v2m_doorbell()
    {
        Guest.Arm64.Require();
        using var folder = new TemporaryFolder();
        string disk = folder.Disk(Guest.DiskMebibytes);
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand("amd-overdrive").Device($"nvme,file={disk}").AllowUnsafeInterrupts().Trace(trace)
            .ToEnd(Patience, Guest.Arm64.Command("-device", Passthrough));

        var report = new GuestReport(outcome);
        report.MustBeSound(disk);
        MustHaveGoneThroughTheEngine(trace, doorbell: 0xe118_0040, window: 0x0800_0000, report);
    }

    private static void MustHaveGoneThroughTheEngine(string trace, ulong doorbell, ulong window, GuestReport report)
    {
        IReadOnlyList<TraceEvent> events = TraceEvent.ReadAll(trace);
        var msi = new MsiTrace(events, doorbell, window);
        // The guest's count may be lower: two messages can meet in one eventfd before QEMU looks.
        Assert.True(msi.Deliveries.Values.Sum() >= report.InterruptCounts.Sum(), "no interrupt of the guest came past the engine");
        Assert.Equal(report.InterruptCounts.Count, msi.Deliveries.Count);
        msi.MustEndEmpty();
        Assert.DoesNotContain(events, step => step.Kind is "iommu.fault" or "msi.refused");
    }
}
