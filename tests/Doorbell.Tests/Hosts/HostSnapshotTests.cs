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
    public void A_link_that_was_followed_once_is_not_walked_again()
    {
        var files = new HostSnapshot("test");
        files.AddDirectory("/real/x");
        files.AddDirectory("/a");
        string way = string.Concat(Enumerable.Repeat("a/../", 800));
        files.AddLink("/l0", way + "real");
        for (int i = 1; i < 40; i++)
        {
            files.AddLink($"/l{i}", $"{way}l{i - 1}");
        }

        HostFileStatus status = HostFileStatus.Missing;
        Allocations.None(() => status = files.StatusOf("/l39/x"));
        Assert.Equal(HostFileStatus.Read, status);
    }

    [Fact]
    public void Links_that_were_followed_before_count_as_those_that_were_not()
    {
        var files = new HostSnapshot("test");
        files.AddFile("/l0", [1]);
        for (int i = 1; i <= 42; i++)
        {
            files.AddLink($"/l{i}", $"l{i - 1}");
        }

        // Forward and back: what is found does not hang on what was looked up before.
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(HostFileStatus.Failed, files.StatusOf("/l42"));
            Assert.Equal(HostFileStatus.Failed, files.StatusOf("/l41"));
            Assert.Equal(HostFileStatus.Read, files.StatusOf("/l40"));
            Assert.Equal(HostFileStatus.Read, files.StatusOf("/l2"));
        }
    }

    [Fact]
    public void A_link_leads_to_what_was_put_there_after_it_was_looked_at()
    {
        var files = new HostSnapshot("test");
        files.AddLink("/a", "b/../c");
        Assert.Equal(HostFileStatus.Missing, files.StatusOf("/a"));
        files.AddDirectory("/b");
        files.AddFile("/c", [1]);
        Assert.Equal(HostFileStatus.Read, files.TryRead("/a", out byte[] content));
        Assert.Equal([1], content);
        files.AddFile("/c", [2]);
        Assert.Equal(HostFileStatus.Read, files.TryRead("/a", out content));
        Assert.Equal([2], content);
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
