using Doorbell.Devices;
using Doorbell.Pci;

namespace Doorbell.Tests.Devices;

public class DeviceModelsTests
{
    [Theory]
    [InlineData("nvme", "size=64M", 9)]
    [InlineData("nvme", "size=1G,queues=64,lba=4096", 65)]
    [InlineData("nvme", "file=disk.img", 9)]
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
    [InlineData("e1000", "", "there is no device model \"e1000\"; there are nvme and pci-test.")]
    [InlineData("nvme", "", "nvme needs either a file or a size")]
    [InlineData("nvme", "file=disk.img,size=1M", "nvme needs either a file or a size")]
    [InlineData("nvme", "size=64M,vectors=3", "nvme has no option \"vectors\"")]
    [InlineData("nvme", "size=64X", "size=64X is no size")]
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
        return DeviceModels.Create(model, pairs, path => path == "disk.img" ? new MemoryBlockBackend(512) : Result.Fail(Errno.ENOENT, $"{path}: not there"));
    }

    private static KeyValuePair<string, string> Pair(string option)
    {
        string[] parts = option.Split('=');
        return new(parts[0], parts[1]);
    }
}
