using System.Diagnostics;
using System.Runtime.InteropServices;
using Doorbell.Devices;
using Doorbell.Fabric;
using Doorbell.Linux;
using Doorbell.Linux.Supervision;

namespace Doorbell.Tests.Linux;

public sealed class FileBlockBackendTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("doorbell-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_is_written_is_in_the_file()
    {
        string path = Image(4096);
        Result<IBlockBackend> opened = FileBlockBackend.Open(path);
        Assert.True(opened.IsOk, opened.ToString());
        using (var backend = (FileBlockBackend)opened.Value)
        {
            Assert.Equal(4096UL, backend.Length);
            Assert.Equal(BlockStatus.Done, backend.Write(512, "doorbell"u8));
            Assert.Equal(BlockStatus.Done, backend.Flush());
            var back = new byte[8];
            Assert.Equal(BlockStatus.Done, backend.Read(512, back));
            Assert.Equal("doorbell"u8.ToArray(), back);
        }

        byte[] file = File.ReadAllBytes(path);
        Assert.Equal(4096, file.Length);
        Assert.Equal("doorbell"u8.ToArray(), file[512..520]);
    }

    [Fact]
    public void A_file_cut_short_while_open_is_a_read_error()
    {
        string path = Image(4096);
        using var backend = (FileBlockBackend)FileBlockBackend.Open(path).Value;

        // By another program: .NET itself would respect the lock.
        using (Process cut = Process.Start("truncate", ["-s", "512", path]))
        {
            cut.WaitForExit();
            Assert.Equal(0, cut.ExitCode);
        }

        Assert.Equal(BlockStatus.Done, backend.Read(0, new byte[512]));
        Assert.Equal(BlockStatus.Failed, backend.Read(512, new byte[512]));
    }

    [Fact]
    public void T6_Of_a_file_cut_short_while_the_kernel_copies_from_it_the_copy_fails_and_nothing_else()
    {
        string path = Image(8192);
        using var backend = (FileBlockBackend)FileBlockBackend.Open(path).Value;
        Assert.Equal(BlockStatus.Done, backend.Write(4096, "doorbell"u8));
        ProcessMemory client = ProcessMemory.Open(Environment.ProcessId, Environment.ProcessId, out _)!;
        byte[] target = GC.AllocateArray<byte>(4096, pinned: true);
        HostMemoryRange[] ranges = [new((ulong)Marshal.UnsafeAddrOfPinnedArrayElement(target, 0), 4096)];

        Assert.True(backend.TryGetBytes(4096, 4096, out KernelBytes bytes));
        Assert.True(client.TryWrite(ranges, bytes));
        Assert.Equal("doorbell"u8.ToArray(), target[..8]);

        using (Process cut = Process.Start("truncate", ["-s", "4096", path]))
        {
            cut.WaitForExit();
        }

        Assert.False(client.TryWrite(ranges, bytes));
        client.End();
    }

    [Fact]
    public void What_cannot_be_a_disk_is_refused_with_a_sentence_that_names_it()
    {
        Refused(Path.Combine(_directory, "missing"), Errno.ENOENT, "does not exist");
        Refused(_directory, Errno.EINVAL, "is a directory");
        Refused(Image(0), Errno.EINVAL, "has 0 bytes");
        Refused(Image(1000), Errno.EINVAL, "has 1000 bytes");
        Refused("/dev/null", Errno.EINVAL, "/dev/null");
    }

    [Fact]
    public void Two_devices_cannot_have_one_image()
    {
        string path = Image(512);
        using var backend = (FileBlockBackend)FileBlockBackend.Open(path).Value;
        Refused(path, Errno.EBUSY, "for this device alone");
    }

    [Fact]
    public void An_image_that_is_only_read_is_written_by_nobody_and_may_have_several_readers()
    {
        string path = Image(512);
        using var backend = (FileBlockBackend)FileBlockBackend.Open(path, readOnly: true).Value;
        using var other = (FileBlockBackend)FileBlockBackend.Open(path, readOnly: true).Value;
        Assert.True(backend.IsReadOnly);
        Assert.Equal(BlockStatus.Done, other.Read(0, new byte[512]));
        Assert.Equal(BlockStatus.Failed, backend.Write(0, new byte[512]));
        Assert.Equal(BlockStatus.Done, backend.Flush());
        Refused(path, Errno.EBUSY, "for this device alone");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Blocks_that_are_zeroed_or_discarded_read_as_zeros_and_those_around_them_stay(bool deallocate)
    {
        const int Size = 1 << 20;
        string path = Image(Size);
        using var backend = (FileBlockBackend)FileBlockBackend.Open(path).Value;
        var expected = new byte[Size];
        Array.Fill<byte>(expected, 7);
        Assert.Equal(BlockStatus.Done, backend.Write(0, expected));
        Assert.Equal(BlockStatus.Done, backend.WriteZeroes(512, 9 * 4096, deallocate));
        Assert.Equal(BlockStatus.Done, backend.WriteZeroes(0, 0, deallocate));
        expected.AsSpan(512, 9 * 4096).Clear();
        if (backend.Discard(500 * 512, 4096) == BlockStatus.Done)
        {
            expected.AsSpan(500 * 512, 4096).Clear();
        }

        var back = new byte[Size];
        Assert.Equal(BlockStatus.Done, backend.Read(0, back));
        Assert.True(expected.AsSpan().SequenceEqual(back));
    }

    private static void Refused(string path, Errno errno, string sentence)
    {
        Result<IBlockBackend> result = FileBlockBackend.Open(path);
        Assert.Equal(errno, result.Errno);
        Assert.Contains(path, result.Reason, StringComparison.Ordinal);
        Assert.Contains(sentence, result.Reason, StringComparison.Ordinal);
    }

    private string Image(int length)
    {
        string path = Path.Combine(_directory, $"{length}.img");
        File.WriteAllBytes(path, new byte[length]);
        return path;
    }
}
