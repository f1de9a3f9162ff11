using System.IO.Compression;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>Debian's own tools look at the view as at any host whose devices are bound to vfio-pci (T10), and what they would change there is refused aloud (T1).</summary>
public class ToolsTests
{
    private const string Attributes = $"/sys/bus/pci/devices/{DoorbellCommand.Slot}";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [SkippableFact]
    public void T10_Lspci_shows_the_tree_and_every_capability_as_on_a_real_host()
    {
        Requirement.Package("/usr/bin/lspci", "pciutils");
        using var folder = new TemporaryFolder();
        Outcome outcome = new DoorbellCommand("virt-gicv3").Device($"nvme,file={folder.Disk(1)}")
            .ToEnd(Patience, "/bin/sh", "-c", "lspci -tnn && lspci -D -vvv -nn").MustSucceed();

        Assert.Equal(["-[0000:00]-+-05.0-[01]----00.0", "           +-06.0-[02]--", "           \\-0a.0-[04]--"], outcome.Lines.Take(3));
        string[] functions = outcome.Output[outcome.Output.IndexOf("0000:00:05.0", StringComparison.Ordinal)..].Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, functions.Length);
        Assert.StartsWith("0000:00:05.0 PCI bridge [0604]: ", functions[0], StringComparison.Ordinal);
        MustShow(functions[0], "Bus: primary=00, secondary=01", "Memory behind bridge: 10000000-100fffff [size=1M]", "Root Port", "Access Control Services", "driver in use: pcieport");
        Assert.StartsWith("0000:01:00.0 Non-Volatile memory controller [0108]: Device [1234:db02] (prog-if 02 [NVM Express])", functions[3], StringComparison.Ordinal);
        MustShow(functions[3], "IOMMU group: 3", "Region 0: Memory at 10000000 (64-bit", "MSI-X: Enable- Count=9", "Express (v2) Endpoint", "FLReset+", "driver in use: vfio-pci");

        // What it could not make sense of it says in these words.
        Assert.DoesNotContain("<chain", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("unknown", outcome.Output, StringComparison.OrdinalIgnoreCase);
        Assert.All(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), static line => Assert.Contains("libkmod", line, StringComparison.Ordinal));
    }

    [SkippableFact]
    public void T10_Dpdk_devbind_finds_a_network_function_bound_to_vfio_and_binding_it_again_is_nothing_to_do()
    {
        Requirement.Package("/usr/bin/dpdk-devbind.py", "dpdk");
        Outcome outcome = WithNetworkFunction($"dpdk-devbind.py --status && dpdk-devbind.py -b vfio-pci {DoorbellCommand.Slot}").MustSucceed();

        string[] lines = [.. outcome.Lines];
        int heading = Array.IndexOf(lines, "Network devices using DPDK-compatible driver");
        Assert.True(heading >= 0 && lines[heading + 2].StartsWith("0000:01:00.0 '", StringComparison.Ordinal), outcome.Report);
        Assert.EndsWith("drv=vfio-pci unused=", lines[heading + 2], StringComparison.Ordinal);
        Assert.Contains("0000:01:00.0 already bound to driver vfio-pci, skipping", outcome.Output + outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("no supported DPDK kernel modules", outcome.Output + outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void T1_Dpdk_devbind_is_told_that_it_cannot_unbind()
    {
        Requirement.Package("/usr/bin/dpdk-devbind.py", "dpdk");
        Outcome outcome = WithNetworkFunction($"dpdk-devbind.py -u {DoorbellCommand.Slot}");

        Assert.True(outcome.ExitCode != 0, outcome.Report);
        Assert.Contains("doorbell: open of /sys/bus/pci/drivers/vfio-pci/unbind refused with EROFS", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("--driver BDF=NAME", outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void T1_Setpci_reads_and_is_told_that_it_cannot_write()
    {
        Requirement.Package("/usr/bin/setpci", "pciutils");
        Outcome read = new DoorbellCommand("virt-gicv3").Device("pci-test").ToEnd(Patience, "/usr/bin/setpci", "-s", "1:0.0", "VENDOR_ID", "DEVICE_ID").MustSucceed();
        Assert.Equal("1234\ndb01\n", read.Output);

        Outcome write = new DoorbellCommand("virt-gicv3").Device("pci-test").ToEnd(Patience, "/usr/bin/setpci", "-s", "1:0.0", "COMMAND=7");
        Assert.Contains("/config refused with EROFS: configuration space is written through VFIO", write.Errors, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData($"{Attributes}/driver_override", "--driver BDF=NAME")]
    [InlineData($"{Attributes}/driver/unbind", "--driver BDF=NAME")]
    [InlineData("/sys/bus/pci/drivers_probe", "--driver BDF=NAME")]
    [InlineData($"{Attributes}/reset", "VFIO_DEVICE_RESET")]
    [InlineData($"{Attributes}/remove", "--device BDF=MODEL")]
    [InlineData("/sys/bus/pci/rescan", "--device BDF=MODEL")]
    [InlineData($"{Attributes}/enable", "opening it through VFIO")]
    [InlineData("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "--allow-unsafe-interrupts")]
    public void T1_A_write_to_sysfs_fails_and_a_sentence_says_what_to_do_instead(string path, string remedy)
    {
        // However it is opened: cut, appended to, for reading too, from where the file is.
        const string Script =
            "(echo 1 >$0) && echo cut; (echo 1 >>$0) && echo appended; (echo 1 1<>$0) && echo both; (cd $(dirname $0) && echo 1 >$(basename $0)) && echo near; true";
        Outcome outcome = new DoorbellCommand("virt-gicv3").Device("pci-test").ToEnd(Patience, "/bin/sh", "-c", Script, path).MustSucceed();

        Assert.True(outcome.Output.Length == 0, outcome.Report);
        Assert.Equal(4, outcome.Errors.Split("Read-only file system").Length - 1);
        Assert.Contains("refused with EROFS", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(remedy, outcome.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void T1_A_file_of_the_same_name_elsewhere_is_written_as_ever()
    {
        using var folder = new TemporaryFolder();
        new DoorbellCommand("virt-gicv3").Device("pci-test")
            .ToEnd(Patience, "/bin/sh", "-c", "cd $0 && echo new >unbind && echo more >>unbind && mkdir -p config.d && echo x 1<>config", folder.Path).MustSucceed();
        Assert.Equal("new\nmore\n", File.ReadAllText(folder.File("unbind")));
        Assert.Equal("x\n", File.ReadAllText(folder.File("config")));
    }

    private static void MustShow(string function, params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            Assert.Contains(text, function, StringComparison.Ordinal);
        }
    }

    /// <summary>The igb of the captured board, which is a network function, in the slot.</summary>
    private static Outcome WithNetworkFunction(string script)
    {
        using var folder = new TemporaryFolder();
        string capture = folder.File("pci.jsonl");
        using (FileStream packed = File.OpenRead(Repository.PathOf("tests", "Doorbell.Tests", "Captures", "data", "virt-gicv3-its-smmuv3", "pci.jsonl.gz")))
        using (var unpacked = new GZipStream(packed, CompressionMode.Decompress))
        using (FileStream file = File.Create(capture))
        {
            unpacked.CopyTo(file);
        }

        return new DoorbellCommand("virt-gicv3").Device($"captured,config={capture},function=0000:01:00.0").ToEnd(Patience, "/bin/sh", "-c", script);
    }
}
