namespace Doorbell.SystemTests.Support;

/// <summary>A guest that had Doorbell's nvme through vfio-pci and ended as it should.</summary>
internal sealed class GuestRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private readonly GuestReport _report;

    private GuestRun(GuestReport report, IReadOnlyList<TraceEvent> events) => (_report, Events) = (report, events);

    /// <summary>The host's trace.</summary>
    public IReadOnlyList<TraceEvent> Events { get; }

    /// <summary>Boots the guest with a fresh disk, to its end, and holds it to what it should say.</summary>
    public static GuestRun Of(Guest guest, DoorbellCommand doorbell, GuestWorkload workload)
    {
        guest.Require();
        using var folder = new TemporaryFolder();
        string disk = folder.Disk(workload.DiskMebibytes);
        string trace = folder.File("trace.jsonl");

        Outcome outcome = doorbell.Device($"nvme,file={disk}").Trace(trace)
            .ToEnd(Patience, guest.Command(workload, "-device", $"vfio-pci,host={DoorbellCommand.Slot}"));

        var report = new GuestReport(outcome);
        report.MustBeSound(disk, workload);
        return new GuestRun(report, TraceEvent.ReadAll(trace));
    }

    /// <summary>Each armed vector's doorbell was mapped in the window, used, and released (N1, N2, N4), and nothing went astray.</summary>
    public void MustHaveGoneThroughTheEngine(ulong doorbell, ulong window)
    {
        var msi = new MsiTrace(Events, doorbell, window);
        // The guest's count may be lower: two messages can meet in one eventfd before QEMU looks.
        long counted = _report.Boots.Sum(boot => boot.InterruptCounts.Sum());
        Assert.True(msi.Deliveries.Values.Sum() >= counted, "no interrupt of the guest came past the engine");
        Assert.Equal(Guest.Cpus + 1, msi.Deliveries.Count);
        msi.MustEndEmpty();
        Assert.DoesNotContain(Events, step => step.Kind is "iommu.fault" or "msi.refused");
    }
}
