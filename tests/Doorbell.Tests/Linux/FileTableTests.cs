using System.Runtime.InteropServices;
using Doorbell.Events;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;

namespace Doorbell.Tests.Linux;

public sealed class FileTableTests : IDisposable
{
    private readonly List<Refusal> _refusals = [];
    private readonly LocalClient _client = new();

    public FileTableTests() => _client.Events.SubscribeToTrouble(trouble => _refusals.Add((Refusal)trouble));

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
    public void T4_A_number_that_leads_to_another_file_now_is_that_files()
    {
        var first = new TestFile("first");
        var second = new TestFile("second");
        int fd = _client.Give(first);
        int secondFd = _client.Give(second);
        Assert.Same(first, _client.Call.FileOf(fd));

        int dup3 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 24 : 292;
        Assert.Equal(fd, (int)Sys.Call(dup3, secondFd, fd, Sys.O_CLOEXEC));
        Assert.Same(second, _client.Call.FileOf(fd));

        Sys.Close(fd);
        Assert.Null(_client.Call.FileOf(fd));
        Sys.Close(secondFd);
    }

    [Fact]
    public void Finding_a_descriptors_file_allocates_nothing()
    {
        var file = new TestFile("file");
        int fd = _client.Give(file);
        Allocations.None(() => Assert.Same(file, _client.Call.FileOf(fd)));
        Sys.Close(fd);
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

    [Theory]
    [InlineData(Sys.O_WRONLY)]
    [InlineData(Sys.O_RDWR)]
    public void T4_A_file_opened_anew_through_proc_is_open_until_the_last_of_both_is_closed(int access)
    {
        var file = new TestFile("file");
        int fd = _client.Give(file);
        int anew = Reopen(fd, access);

        Sys.Close(anew);
        _client.Files.Drain();
        Assert.Equal(0, file.Releases);
        Assert.Same(file, _client.Call.FileOf(fd));
        Assert.InRange(_client.Files.Patience, 1, 1000);

        Sys.Close(fd);
        _client.Files.Drain();
        Assert.Equal(1, file.Releases);
        Assert.Equal(-1, _client.Files.Patience);
    }

    [Fact]
    public void T1_What_leads_to_a_released_file_fails_with_a_sentence()
    {
        int fd = _client.Give(new TestFile("file"));
        int reader = Reopen(fd, Sys.O_RDONLY);
        Sys.Close(fd);
        _client.Files.Drain();

        ClientFile? lost = _client.Call.FileOf(reader);
        Assert.NotNull(lost);
        Assert.Equal(-(int)Errno.EBADF, _client.Ioctl(lost, VfioIoctl.DeviceReset, 0));
        Assert.Equal((int)Errno.EBADF, lost.Write(_client.Call, _client.Address, 4, 0).Errno);
        Assert.All(_refusals, refusal => Assert.Equal("T4", refusal.Rule));
        Assert.Equal(2, _refusals.Count);
        Sys.Close(reader);
    }

    [Fact]
    public void T4_When_events_were_lost_every_file_is_looked_at_and_only_the_closed_are_released()
    {
        TestFile closed = new("closed"), open = new("open");
        int closedFd = _client.Give(closed);
        int openFd = _client.Give(open);
        Sys.Close(closedFd);
        Span<byte> events = stackalloc byte[4096];
        Assert.True(Sys.Read(_client.Files.InotifyFd, events) > 0); // lost

        _client.Files.Drain();
        Assert.Equal(0, closed.Releases);

        _client.Files.SuspectAll();
        _client.Files.Drain();
        Assert.Equal((1, 0), (closed.Releases, open.Releases));
        Sys.Close(openFd);
    }

    [Fact]
    public void T4_Files_that_are_open_after_a_close_cost_a_bounded_number_of_looks_and_keep_no_other_from_its_release()
    {
        const int Count = 500;
        int[] fds = [.. Enumerable.Range(0, Count).Select(number => _client.Give(new TestFile($"file {number}")))];
        foreach (int fd in fds)
        {
            Sys.Close(Reopen(fd, Sys.O_WRONLY));
        }

        _client.Files.Drain();
        long before = _client.Files.Looks;
        long began = Environment.TickCount64;
        for (int i = 0; i < 100; i++)
        {
            _client.Files.Drain();
        }

        Assert.InRange(_client.Files.Looks - before, 1, 64 + (6 * (Environment.TickCount64 - began + 1)));
        var closed = new TestFile("closed");
        Sys.Close(_client.Give(closed));
        _client.Files.Drain();
        Assert.Equal((1, Count), (closed.Releases, _client.Files.Count));

        Array.ForEach(fds, Sys.Close);
        _client.Files.Drain();
        Assert.Equal((0, -1), (_client.Files.Count, _client.Files.Patience));
    }

    [Fact]
    public void T4_Whoever_is_too_busy_to_wait_is_told_by_the_clock_that_a_look_is_due()
    {
        int fd = _client.Give(new TestFile("file"));
        _client.Files.Drain();
        Assert.False(_client.Files.IsDue);

        Sys.Close(Reopen(fd, Sys.O_WRONLY));
        _client.Files.Drain();

        Assert.True(SpinWait.SpinUntil(() => _client.Files.IsDue, TimeSpan.FromSeconds(20)));
        long before = _client.Files.Looks;
        _client.Files.Drain();
        Assert.Equal(before + 1, _client.Files.Looks);
        Sys.Close(fd);
    }

    [Fact]
    public void T4_A_second_open_of_shared_memory_is_answered_by_the_first_and_leaves_nothing_behind()
    {
        object identity = new();
        TestFile first = new("first", identity), second = new("second", identity);
        int firstFd = _client.Give(first), secondFd = _client.Give(second);

        Assert.Equal((0, 1), (first.Releases, second.Releases));
        Assert.Same(first, _client.Call.FileOf(secondFd));

        Sys.Close(firstFd);
        _client.Files.Drain();
        Assert.Equal(0, first.Releases);
        Sys.Close(secondFd);
        _client.Files.Drain();
        Assert.Equal((1, 1), (first.Releases, second.Releases));
    }

    private static int Reopen(int fd, int access)
    {
        Span<byte> path = stackalloc byte[ProcPath.Size];
        int anew = Sys.OpenAt(Sys.AtFdCwd, ProcPath.OfOwnFd(path, fd), access | Sys.O_CLOEXEC);
        Assert.True(anew >= 0);
        return anew;
    }

    private static int Duplicate(int fd)
    {
        const int DuplicateFd = 0; // F_DUPFD
        int copy = (int)Sys.Call(Nr.Fcntl, fd, DuplicateFd, 0);
        Assert.True(copy >= 0);
        return copy;
    }
}
