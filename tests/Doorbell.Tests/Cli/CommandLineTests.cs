namespace Doorbell.Tests.Cli;

public class CommandLineTests
{
    [Theory]
    [InlineData("Unrecognized command or argument \"foo\". See doorbell --help.", "foo")]
    [InlineData("Unrecognized command or argument \"--colour\". See doorbell machines --help.", "machines", "--colour")]
    [InlineData("Unrecognized command or argument \"--colour\". See doorbell explain --help.", "explain", "--colour")]
    [InlineData("there is no machine \"nope\": expected amd-overdrive, cavium-thunderx, hisilicon-d05, q35-amd-ir, q35-intel-ir, q35-intel-noir, virt-gicv2m, virt-gicv3, virt-gicv3-x86guest, or a path that ends in .yaml or .dtb.", "explain", "nope")]
    [InlineData("there is no machine file ./nope.yaml.", "explain", "./nope.yaml")]
    [InlineData("--vectors: expected a number from 1 to 2048, not \"none\". See doorbell explain --help.", "explain", "--vectors", "none")]
    [InlineData("--vectors: expected a number from 1 to 2048, not \"0\". See doorbell explain --help.", "explain", "--vectors", "0")]
    [InlineData("--vectors: 0000:01:00.0 has 3 vectors, 4 are asked for.", "explain", "--device", "01:00.0=pci-test,vectors=3", "--vectors", "4")]
    [InlineData("--uapi: expected mainline or reserved-iova-v6, not \"v7\". See doorbell explain --help.", "explain", "--uapi", "v7")]
    [InlineData("--mapping-point: expected activate or alloc, not \"never\". See doorbell explain --help.", "explain", "--mapping-point", "never")]
    [InlineData("\"1:0.0\" is not a PCI address: expected ssss:bb:dd.f in hexadecimal, as in 0000:01:00.0.", "explain", "--device", "1:0.0")]
    [InlineData("amd-overdrive has no slot 0000:04:00.0: expected one of 0000:01:00.0, 0000:02:00.0, 0000:03:00.0.", "explain", "amd-overdrive", "--device", "04:00.0")]
    [InlineData("--device 0000:01:00.0=pci-test,colour=red: pci-test has no option \"colour\": expected pci-test or pci-test,vectors=N, with express=no on conventional PCI.", "explain", "--device", "01:00.0=pci-test,colour=red")]
    [InlineData("--uapi: expected mainline or reserved-iova-v6, not \"v7\". See doorbell run --help.", "run", "--uapi", "v7", "--", "true")]
    [InlineData("--device 0000:01:00.0=pci-test,colour=red: pci-test has no option \"colour\": expected pci-test or pci-test,vectors=N, with express=no on conventional PCI.", "run", "--device", "01:00.0=pci-test,colour=red", "--", "true")]
    [InlineData("there is no device model \"floppy\": expected nvme or pci-test or captured.", "run", "--device", "01:00.0=floppy", "--", "qemu")]
    [InlineData("--driver \"e1000\": expected BDF=NAME, as in 0000:01:00.0=e1000 or 0000:01:00.0=none.", "run", "--driver", "e1000", "--", "qemu")]
    [InlineData("0000:01:00.0 is given two drivers: expected one a function.", "run", "--driver", "0000:01:00.0=e1000", "--driver", "01:00.0=none", "--", "qemu")]
    [InlineData("no program to run: expected -- and a program after the options. See doorbell run --help.", "run", "--machine", "virt-gicv3")]
    [InlineData("Unrecognized command or argument \"qemu\". See doorbell run --help.", "run", "qemu", "--", "qemu")]
    [InlineData("Unrecognized command or argument \"@args\". See doorbell run --help.", "run", "@args", "--", "qemu")]
    [InlineData("Required argument missing for option: \"--machine\". See doorbell run --help.", "run", "--machine", "--", "qemu")]
    [InlineData("\"01:00.0\" is not a device: expected BDF=MODEL[,key=value...], as in 0000:01:00.0=nvme,file=disk.img.", "run", "--device", "01:00.0", "--", "qemu")]
    [InlineData("0000:01:00.0 is given two devices: expected one a slot.", "run", "--device", "01:00.0=pci-test", "--device", "0000:01:00.0=pci-test", "--", "qemu")]
    public void What_is_wrong_is_one_sentence_on_standard_error_and_status_2(string sentence, params string[] args)
    {
        (int status, string output, string error) = Command.Run(args);
        Assert.Equal(($"doorbell: {sentence}\n", 2, ""), (error, status, output));
    }

    [Fact]
    public void Machines_lists_names_and_titles()
    {
        (int status, string output, _) = Command.Run("machines");
        Assert.Equal(0, status);
        Assert.Equal(["amd-overdrive", "cavium-thunderx", "hisilicon-d05", "q35-amd-ir", "q35-intel-ir", "q35-intel-noir", "virt-gicv2m", "virt-gicv3", "virt-gicv3-x86guest"], output.TrimEnd().Split('\n').Select(line => line.Split(' ')[0]));
        Assert.Contains("QEMU virt, GICv3 with ITS, SMMUv3", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amd-overdrive", "0x8000000 + 1M")]
    [InlineData("cavium-thunderx", "0x8000000 + 1M")]
    [InlineData("hisilicon-d05", "none: MSIs are not translated")]
    [InlineData("q35-amd-ir", "none: MSIs are not translated")]
    [InlineData("q35-intel-ir", "none: MSIs are not translated")]
    [InlineData("q35-intel-noir", "none: MSIs are not translated")]
    [InlineData("virt-gicv2m", "0x8000000 + 1M")]
    [InlineData("virt-gicv3", "0x8000000 + 1M")]
    [InlineData("virt-gicv3-x86guest", "0xfee00000 + 1M")]
    public void I9_Machines_says_of_each_built_in_machine_what_it_has_and_where_the_window_is(string machine, string window)
    {
        (int status, string output, string error) = Command.Run("machines", machine);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(window, output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_slot_on_conventional_PCI_is_explained_with_a_conventional_device()
    {
        (int status, string output, string error) = Command.Run("explain", "q35-intel-ir", "--device", "03:01.0");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("0000:03:01.0", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("doorbell explain virt-gicv3", "--help")]
    [InlineData("doorbell run [options] -- PROGRAM", "run", "--help")]
    [InlineData("doorbell run [options] -- PROGRAM", "run", "--help", "--", "qemu", "--help")]
    [InlineData("doorbell explain [MACHINE]", "explain", "-h")]
    [InlineData("doorbell machines", "machines", "--help")]
    [InlineData("doorbell 0.", "--version")]
    public void Help_and_version_go_to_standard_output_with_status_0(string contains, params string[] args)
    {
        (int status, string output, string error) = Command.Run(args);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(contains, output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_s_file_that_is_wrong_is_one_sentence_with_its_line()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.yaml");
        File.WriteAllText(path, "name: board\ncpus: none\n");
        try
        {
            (int status, _, string error) = Command.Run("explain", path);
            Assert.Equal(2, status);
            Assert.Equal($"doorbell: {path}:1: architecture: the key is missing: expected arm64 or x86-64.\n", error);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("explain")]
    [InlineData("run")]
    public void A_device_that_the_machine_s_own_file_plugs_in_is_not_called_an_option(string command)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.yaml");
        File.WriteAllText(path, """
            name: board
            architecture: arm64
            cpus: 1
            pci-hosts:
              - name: pcie
                ecam: {base: 0x40_1000_0000, size: 256M}
                windows: [{base: 0x1000_0000, size: 512M}]
                slots:
                  - {address: "00:01.0", device: {model: floppy}}
                  - {address: "00:02.0"}
            """);
        try
        {
            string[] asked = command == "run" ? ["run", "--machine", path, "--", "true"] : ["explain", path];
            (int status, _, string error) = Command.Run(asked);
            Assert.NotEqual(0, status);
            Assert.Equal("doorbell: board's own device 0000:00:01.0=floppy: there is no device model \"floppy\"; there are nvme, pci-test, captured.\n", error);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Files_that_never_end_are_refused_and_a_scan_passes_over_what_is_no_regular_file()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string endless = Path.Combine(folder, "endless.dtb");
        try
        {
            Assert.Equal((0, "No file here or below ends in .dtb.\n", ""), Command.Run("machines", "--scan", folder));
            File.CreateSymbolicLink(endless, "/dev/zero");
            Assert.Equal((2, "", $"doorbell: the file {endless} is too large: expected at most 67108864 bytes.\n"), Command.Run("machines", endless));
            (int status, string output, _) = Command.Run("machines", "--scan", folder, "--json");
            Assert.Equal(0, status);
            Assert.Contains("it is no regular file.", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
