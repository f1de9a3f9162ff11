using Doorbell.Devices;
using Doorbell.Pci;

namespace Doorbell.Tests.Devices;

public class DeviceModelsTests
{
    [Theory]
    [InlineData("nvme", "size=64M", 9)]
    [InlineData("nvme", "size=1G,queues=64,lba=4096", 65)]
    [InlineData("nvme", "file=disk.img", 9)]
    [InlineData("nvme", "file=disk.img,readonly=yes", 9)]
    [InlineData("nvme", "size=1M,namespaces=32", 9)]
    [InlineData("nvme", "size=1M,file2=disk.img,size3=1G,queues=1", 2)]
    [InlineData("pci-test", "", 8)]
    [InlineData("pci-test", "vectors=2048", 2048)]
    public void A_model_is_made_from_its_options(string model, string options, int vectors)
    {
        Result<PciDeviceModel> result = Create(model, options);
        Assert.True(result.IsOk, result.ToString());
        Assert.Equal(model, result.Value.Name);
        Assert.Equal(vectors, result.Value.Description.MsiX!.Value.Vectors);
    }

    [Theory]
    [InlineData("e1000", "", "there is no device model \"e1000\"; there are nvme, pci-test, captured.")]
    [InlineData("nvme", "", "nvme needs either a file or a size")]
    [InlineData("nvme", "file=disk.img,size=1M", "nvme needs either a file or a size")]
    [InlineData("nvme", "size=64M,vectors=3", "nvme has no option \"vectors\"")]
    [InlineData("nvme", "size=64X", "size=64X is no size")]
    [InlineData("nvme", "size2=64M", "nvme needs either a file or a size")]
    [InlineData("nvme", "size=1M,size3=64M", "nvme: namespace 2 needs either a file or a size")]
    [InlineData("nvme", "size=1M,size2=64M,file2=disk.img", "nvme: namespace 2 needs either a file or a size")]
    [InlineData("nvme", "size=1M,size1=64M", "nvme has no option \"size1\"")]
    [InlineData("nvme", "size=1M,size02=64M", "nvme has no option \"size02\"")]
    [InlineData("nvme", "size=1M,size33=64M", "nvme has no option \"size33\"")]
    [InlineData("nvme", "fil=disk.img", "nvme has no option \"fil\"")]
    [InlineData("nvme", "namespaces=2", "namespaces=2 goes with size=")]
    [InlineData("nvme", "file=disk.img,namespaces=2", "namespaces=2 goes with size=")]
    [InlineData("nvme", "size=1M,size2=1M,namespaces=2", "namespaces=2 goes with size=")]
    [InlineData("nvme", "size=1M,namespaces=33", "namespaces=33 is no number from 1 to 32")]
    [InlineData("nvme", "size=1M,readonly=yes", "readonly=yes is for files")]
    [InlineData("nvme", "size=0", "size=0 is no size")]
    [InlineData("nvme", "size=100", "size=100 is no size")]
    [InlineData("nvme", "size=99999999999T", "is no size")]
    [InlineData("nvme", "size=5T", "is no size")]
    [InlineData("nvme", "size=-1", "is no size")]
    [InlineData("nvme", "size=", "is no size")]
    [InlineData("nvme", "size=512,lba=4096", "no multiple of the block size")]
    [InlineData("nvme", "size=64M,lba=1024", "lba=1024 is no block size")]
    [InlineData("nvme", "size=64M,queues=0", "queues=0 is no number from 1 to 511")]
    [InlineData("nvme", "size=64M,queues=512", "queues=512 is no number from 1 to 511")]
    [InlineData("nvme", "file=", "file= is empty")]
    [InlineData("nvme", "file=missing", "missing: not there")]
    [InlineData("nvme", "file=disk.img,lba=4096", "holds no block")]
    [InlineData("pci-test", "vectors=2049", "vectors=2049 is no number from 1 to 2048")]
    [InlineData("pci-test", "express=maybe", "express=maybe is neither yes nor no")]
    [InlineData("captured", "", "captured needs a file: captured,config=FILE")]
    [InlineData("captured", "config=missing", "missing: not there")]
    [InlineData("captured", "config=e1000,bar6=4K", "captured has no option \"bar6\"")]
    [InlineData("captured", "config=e1000,bar0=3000", "e1000: expected BAR 0 to be a power of two from 0x10 to 0x80000000 bytes, not 0xbb8.")]
    [InlineData("captured", "config=short", "short: expected 256 or 4096 bytes of configuration space, not 64")]
    [InlineData("captured", "config=bridge", "bridge: a bridge is no device for a slot")]
    [InlineData("captured", "config=e1000,function=0000:01:00.0", "e1000: these are the bytes of one function: expected captured,config=FILE")]
    [InlineData("captured", "config=capture.jsonl,function=0000:01:00.0,bar0=4K", "capture.jsonl: a capture in JSON lines has its BARs' sizes: expected captured,config=FILE")]
    [InlineData("captured", "config=capture.jsonl,function=00:1f.0", "capture.jsonl has no function \"00:1f.0\": expected function= and one of 0000:00:00.0,")]
    [InlineData("pci-test", "file=x", "pci-test has no option \"file\"")]
    public void What_is_wrong_is_said_in_a_sentence(string model, string options, string sentence)
    {
        Result<PciDeviceModel> result = Create(model, options);
        Assert.False(result.IsOk);
        Assert.Contains(sentence, result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_refused_where_files_cannot_be_used() =>
        Assert.Equal(Errno.EOPNOTSUPP, DeviceModels.Create("nvme", [new("file", "disk.img")]).Errno);

    private static Result<PciDeviceModel> Create(string model, string options)
    {
        KeyValuePair<string, string>[] pairs = [.. options.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Pair)];
        return DeviceModels.Create(model, pairs, (path, readOnly) => path == "disk.img" ? new RecordingBackend(new MemoryBlockBackend(512)) { IsReadOnly = readOnly } : Result.Fail(Errno.ENOENT, $"{path}: not there"), Read);
    }

    private static Result<byte[]> Read(string path) => path switch
    {
        "e1000" => Capture("0000:03:02.0"),
        "igb" => Capture("0000:01:00.0"),
        "bridge" => Capture("0000:00:07.0"),
        "short" => new byte[64],
        "capture.jsonl" => System.Text.Encoding.UTF8.GetBytes(VirtCapture.Text),
        _ => Result.Fail(Errno.ENOENT, $"{path}: not there"),
    };

    private static byte[] Capture(string address) => VirtCapture.Find(address).Function.Config.ToArray();

    [Theory]
    [InlineData("config=e1000,bar0=128K,bar1=64", 0x8086, 0x100e)]
    [InlineData("config=igb,bar0=128K,bar1=128K,bar2=32,bar3=16K", 0x8086, 0x10c9)]
    [InlineData("config=capture.jsonl,function=0000:02:00.0", 0x1b36, 0x0010)]
    public void A_captured_function_is_made_from_its_bytes_and_its_BARs_sizes(string options, int vendor, int device)
    {
        Result<PciDeviceModel> result = Create("captured", options);
        Assert.True(result.IsOk, result.ToString());
        Assert.Equal((vendor, device), (result.Value.Description.VendorId, result.Value.Description.DeviceId));
    }

    private static KeyValuePair<string, string> Pair(string option)
    {
        string[] parts = option.Split('=');
        return new(parts[0], parts[1]);
    }
}
