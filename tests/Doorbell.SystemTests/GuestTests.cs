using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>An unmodified QEMU takes Doorbell's nvme through vfio-pci, and Debian's kernel in it uses the disk.</summary>
public class GuestTests
{
    private const string Passthrough = $"vfio-pci,host={DoorbellCommand.Slot}";
    private const ulong ItsTranslater = 0x0809_0040;
    private const ulong ArmWindow = 0x0800_0000;
    private const ulong X86Window = 0xfee0_0000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    [SkippableTheory]
    [InlineData("arm64", "virt-gicv3", ArmWindow)]
    [InlineData("arm64 with a GICv2m", "virt-gicv3", ArmWindow)]
    [InlineData("amd64", "virt-gicv3-x86guest", X86Window)]
    public void The_guest_reads_what_it_wrote_a_reboot_later_still_and_every_vector_went_through_the_engine(string name, string machine, ulong window)
    {
        GuestRun run = GuestRun.Of(Guest.Named(name), new DoorbellCommand(machine), GuestWorkload.Full);
        run.MustHaveGoneThroughTheEngine(ItsTranslater, window);
    }

    /// <remarks>The guest's kernel maps a buffer for the time of its use, strictly, and QEMU makes each an ioctl: some 100,000 for this workload.</remarks>
    [SkippableFact]
    public void N5_A_guest_with_an_IOMMU_of_its_own_maps_and_unmaps_all_the_time_and_loses_nothing()
    {
        GuestRun run = GuestRun.Of(Guest.Amd64WithVtd, new DoorbellCommand("virt-gicv3-x86guest"), GuestWorkload.Full);
        run.MustHaveGoneThroughTheEngine(ItsTranslater, X86Window);

        // Each of three passes over the data (it is written once and read twice) takes a page's mapping at a time.
        const int Pages = 3 * (64 << 20) / 4096;
        string[] calls = [.. run.Events.Where(step => step.Kind == "client.ioctl").Select(step => step["name"])];
        Assert.True(calls.Count(call => call == "VFIO_IOMMU_MAP_DMA") > Pages, "every page of data was mapped for the device");
        Assert.True(calls.Count(call => call == "VFIO_IOMMU_UNMAP_DMA") > Pages, "and unmapped after it");
        // The very last unmaps are the end of the container, not calls.
        Assert.Equal(run.Events.Count(step => step.Kind == "iommu.map"), run.Events.Count(step => step.Kind == "iommu.unmap"));
    }

    /// <remarks>
    /// QEMU's SMMUv3 tells VFIO of unmaps only (smmuv3_notify_flag_changed), so no QEMU puts a type1 device behind it; a virtual SMMU's stage 1 is
    /// for iommufd's nested tables. Debian's arm64 kernel has no virtio-iommu either, which QEMU could.
    /// </remarks>
    [SkippableFact]
    public void A_guest_whose_SMMUv3_would_be_before_the_device_is_refused_by_QEMU_itself_and_nothing_is_left()
    {
        Guest.Arm64WithSmmu.Require();
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device($"nvme,file={folder.Disk(1)}").Trace(trace)
            .ToEnd(Patience, Guest.Arm64WithSmmu.Command(GuestWorkload.Small, "-device", Passthrough));

        Assert.True(outcome.ExitCode == 1, outcome.Report);
        Assert.Contains("requires iommu MAP notifier which is not currently supported", outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("refused with", outcome.Errors, StringComparison.Ordinal);
        new MsiTrace(TraceEvent.ReadAll(trace), ItsTranslater, ArmWindow).MustEndEmpty();
    }

    [SkippableTheory]
    [InlineData("arm64 with an SMMUv3 bypassed", "virt-gicv3", ArmWindow)]
    [InlineData("amd64 with a hole", "virt-gicv3", ArmWindow)]
    public void The_guest_reads_what_it_wrote_and_every_vector_went_through_the_engine(string name, string machine, ulong window)
    {
        GuestRun run = GuestRun.Of(Guest.Named(name), new DoorbellCommand(machine), GuestWorkload.Small);
        run.MustHaveGoneThroughTheEngine(ItsTranslater, window);
    }

    [SkippableFact]
    public void N5_A_guest_whose_RAM_lies_over_the_window_is_refused_as_on_a_real_ARM_host()
    {
        Guest.Amd64.Require();
        using var folder = new TemporaryFolder();

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device($"nvme,file={folder.Disk(1)}")
            .ToEnd(Patience, Guest.Amd64.Command(GuestWorkload.Small, "-device", Passthrough));

        Assert.True(outcome.ExitCode == 1, outcome.Report);
        Assert.Matches("doorbell: VFIO_IOMMU_MAP_DMA .*EINVAL.*0x8000000-0x80fffff", outcome.Errors);
        Assert.Contains("Invalid argument", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void V3_The_series_own_board_is_refused_and_both_QEMU_and_Doorbell_say_why()
    {
        Guest.Arm64.Require();
        using var folder = new TemporaryFolder();

        Outcome outcome = new DoorbellCommand("amd-overdrive").Device($"nvme,file={folder.Disk(1)}")
            .ToEnd(Patience, Guest.Arm64.Command(GuestWorkload.Small, "-device", Passthrough));

        Assert.True(outcome.ExitCode == 1, outcome.Report);
        Assert.Contains("Failed to set iommu for container: Operation not permitted", outcome.Errors, StringComparison.Ordinal);
        Assert.Matches("group [0-9]+ .*v2m", outcome.Errors);
        Assert.Contains("--allow-unsafe-interrupts", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void V3_With_unsafe_interrupts_allowed_the_guest_works_through_the_v2m_doorbell()
    {
        GuestRun run = GuestRun.Of(Guest.Arm64, new DoorbellCommand("amd-overdrive").AllowUnsafeInterrupts(), GuestWorkload.Full);
        run.MustHaveGoneThroughTheEngine(doorbell: 0xe118_0040, ArmWindow);
    }
}
