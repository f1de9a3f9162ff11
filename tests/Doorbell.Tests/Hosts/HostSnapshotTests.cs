using Doorbell.Hosts;

namespace Doorbell.Tests.Hosts;

/// <summary>Files held in memory behave as those of a file system, links included, and lead nowhere else.</summary>
public sealed class HostSnapshotTests
{
    [Fact]
    public void Links_are_followed_on_the_way_and_at_the_end()
    {
        var files = new HostSnapshot("test");
        files.AddFile("/sys/devices/a/config", [1]);
        files.AddLink("/sys/bus/a", "../devices/a");
        files.AddLink("/sys/other", "/sys/bus/a/config");

        Assert.Equal(HostFileStatus.Read, files.TryRead("/sys/bus/a/config", out byte[] content));
        Assert.Equal([1], content);
        Assert.Equal(HostFileStatus.Read, files.TryRead("/sys/other", out content));
        Assert.Equal([1], content);
        Assert.Equal("../devices/a", files.ReadLink("/sys/bus/a"));
        Assert.Equal(["config"], files.List("/sys/bus/a"));
        Assert.Equal(["bus", "devices", "other"], files.List("/sys"));
    }

    [Fact]
    public void Links_that_loop_or_lead_nowhere_or_out_are_not_files()
    {
        var files = new HostSnapshot("test");
        files.AddLink("/a", "b");
        files.AddLink("/b", "a");
        files.AddLink("/c", "../../../../../etc/passwd");
        files.AddLink("/d", "gone");

        Assert.Equal(HostFileStatus.Failed, files.TryRead("/a", out _));
        Assert.Equal(HostFileStatus.Missing, files.TryRead("/c", out _));
        Assert.Equal(HostFileStatus.Missing, files.StatusOf("/d"));
        Assert.Empty(files.List("/a"));
    }

    [Fact]
    public void What_lies_below_something_that_could_not_be_read_could_not_be_read()
    {
        var files = new HostSnapshot("test");
        files.AddUnreadable("/sys/kernel/debug", HostFileStatus.NotPermitted);

        Assert.Equal(HostFileStatus.NotPermitted, files.StatusOf("/sys/kernel/debug/irq/domains"));
        Assert.Equal(HostFileStatus.NotPermitted, files.TryRead("/sys/kernel/debug/irq/domains/x", out _));
        Assert.Equal(HostFileStatus.Missing, files.StatusOf("/sys/kernel/irq"));
    }

    [Fact]
    public void A_directory_is_no_file()
    {
        var files = new HostSnapshot("test");
        files.AddDirectory("/sys/class/iommu");

        Assert.Equal(HostFileStatus.Failed, files.TryRead("/sys/class/iommu", out _));
        Assert.Equal(HostFileStatus.Read, files.StatusOf("/sys/class/iommu"));
        Assert.Empty(files.List("/sys/class/iommu"));
    }
}
