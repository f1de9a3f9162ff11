using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>Drivers in user space that map a device's registers and doorbells, unmodified: QEMU's own block driver for NVMe (block/nvme.c).</summary>
public class UserSpaceDriverTests
{
    private const string Disk = $"nvme://{DoorbellCommand.Slot}/1";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [SkippableFact]
    public void T5_QEMUs_nvme_driver_reads_back_what_it_wrote_and_the_disk_has_it()
    {
        Requirement.Package("/usr/bin/qemu-io", "qemu-utils");
        using var folder = new TemporaryFolder();
        string disk = MakeDisk(folder);
        string trace = folder.File("trace.jsonl");

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device($"nvme,file={disk}").Trace(trace).ToEnd(
            Patience, "qemu-io", "-f", "raw", "-c", "write -P 0x5a 0 64k", "-c", "write -P 0xa5 1M 4M", "-c", "flush", "-c", "read -P 0x5a 0 64k", "-c", "read -P 0xa5 1M 4M", Disk).MustSucceed();

        Assert.DoesNotContain("verification failed", outcome.Output, StringComparison.OrdinalIgnoreCase);
        using FileStream content = File.OpenRead(disk);
        Assert.Equal(0x5a, content.ReadByte());
        content.Position = (5 << 20) - 1;
        Assert.Equal(0xa5, content.ReadByte());

        // The driver waits for interrupts: those came, by a mapped doorbell of the host's, and nothing stays of it (N2).
        IReadOnlyList<TraceEvent> events = TraceEvent.ReadAll(trace);
        var msi = new MsiTrace(events, 0x0809_0040);
        Assert.NotEmpty(msi.Deliveries);
        msi.MustEndEmpty();
        Assert.DoesNotContain(events, static step => step.Kind is "iommu.fault" or "msi.refused" or "nvme.fatal");
    }

    [SkippableFact]
    public void T5_Thirty_two_requests_at_a_time_through_mapped_doorbells_all_complete()
    {
        Requirement.Package("/usr/bin/qemu-img", "qemu-utils");
        using var folder = new TemporaryFolder();

        Outcome outcome = new DoorbellCommand("virt-gicv3").Device($"nvme,file={MakeDisk(folder)}").ToEnd(
            Patience, "qemu-img", "bench", "-w", "-c", "10000", "-d", "32", "-s", "4096", "-f", "raw", Disk).MustSucceed();

        Assert.Contains("Run completed", outcome.Output, StringComparison.Ordinal);
    }

    private static string MakeDisk(TemporaryFolder folder)
    {
        string disk = folder.File("disk.img");
        using FileStream file = File.Create(disk);
        file.SetLength(64 << 20);
        return disk;
    }
}
