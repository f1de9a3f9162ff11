using Doorbell.Events;
using Doorbell.Linux.Native;

namespace Doorbell.Tests.Linux;

public sealed class FileTableTests : IDisposable
{
    private readonly List<Refusal> _refusals = [];
    private readonly LocalClient _client = new();

    public FileTableTests() => _client.Events.SubscribeToRefusals(_refusals.Add);

    public void Dispose() => _client.Dispose();

    [Fact]
    public void T4_Two_opens_are_two_files_and_each_is_found_by_any_of_its_descriptors()
    {
        var first = new TestFile("first");
        var second = new TestFile("second");
        int firstFd = _client.Give(first);
        int secondFd = _client.Give(second);
        int copy = Duplicate(secondFd);

        Assert.Same(first, _client.Call.FileOf(firstFd));
        Assert.Same(second, _client.Call.FileOf(secondFd));
        Assert.Same(second, _client.Call.FileOf(copy));

        Sys.Close(firstFd);
        Sys.Close(secondFd);
        Sys.Close(copy);
    }

    [Fact]
    public void T4_The_release_comes_with_the_last_descriptor_and_once()
    {
        var file = new TestFile("file");
        int fd = _client.Give(file);
        int copy = Duplicate(fd);

        Sys.Close(fd);
        _client.Files.Drain();
        Assert.Equal(0, file.Releases);

        Sys.Close(copy);
        _client.Files.Drain();
        _client.Files.Drain();
        Assert.Equal(1, file.Releases);
        Assert.Equal(0, _client.Files.Count);
    }

    [Fact]
    public void V7_What_is_still_open_at_the_end_is_released()
    {
        var file = new TestFile("file");
        int fd = _client.Give(file);
        _client.Files.Dispose();
        Assert.Equal(1, file.Releases);
        Sys.Close(fd);
    }

    [Fact]
    public void Other_files_of_the_client_are_none_of_ours()
    {
        int other = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDWR | Sys.O_CLOEXEC);
        Assert.Null(_client.Call.FileOf(other));
        Assert.Null(_client.Call.FileOf(-1));
        Assert.Null(_client.Call.FileOf(1 << 20));
        Sys.Close(other);
    }

    [Fact]
    public void T1_Bytes_written_past_the_regions_are_told_and_cannot_be_read_back()
    {
        int fd = _client.Give(new TestFile("device"));
        Assert.Equal(3, Sys.Write(fd, "abc"u8));

        _client.Files.Drain();
        _client.Files.Drain(); // cutting the file is itself an event

        Refusal refusal = Assert.Single(_refusals);
        Assert.Equal("device", refusal.Subject);
        Assert.Equal(0, Sys.SizeOf(fd));
        Sys.Close(fd);
    }

    private static int Duplicate(int fd)
    {
        const int DuplicateFd = 0; // F_DUPFD
        int copy = (int)Sys.Call(Nr.Fcntl, fd, DuplicateFd, 0);
        Assert.True(copy >= 0);
        return copy;
    }
}
