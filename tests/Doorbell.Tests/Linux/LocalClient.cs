using System.Runtime.InteropServices;
using Doorbell.Events;
using Doorbell.Linux.Native;
using Doorbell.Linux.Seccomp;
using Doorbell.Linux.Supervision;

namespace Doorbell.Tests.Linux;

/// <summary>This very process as a client: its memory and descriptors are reached the way another's are, with no call trapped.</summary>
internal sealed unsafe class LocalClient : IDisposable
{
    private const int Page = 4096;
    private static readonly int _munmap = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 215 : 11;
    private readonly byte* _memory = MapWithAHoleBehind();
    private readonly ClientProcesses _processes = new();

    public LocalClient(EventStream? events = null)
    {
        Events = events ?? new EventStream();
        int tmpfs = Sys.OpenAt(Sys.AtFdCwd, "/dev/shm\0"u8, Sys.O_RDONLY | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
        Assert.True(tmpfs >= 0, "/dev/shm is a tmpfs on every Linux");
        Files = new FileTable(tmpfs, Events);
        Call = new ClientCall(static () => true, Files, _processes, Events, Watcher);
        Call.Begin(Environment.ProcessId);
    }

    public EventStream Events { get; }

    public FileTable Files { get; }

    public EventFdWatcher Watcher { get; } = new();

    public ClientCall Call { get; }

    /// <summary>Some memory, as an argument points to it.</summary>
    public ulong Address => (ulong)_memory;

    public Span<byte> Memory => new(_memory, 4 * Page);

    /// <summary>Where the memory ends: from here on nothing is mapped.</summary>
    public ulong EndAddress => Address + (4 * Page);

    public Span<byte> LastBytes(int count) => Memory[^count..];

    /// <summary>Nothing is ever mapped there.</summary>
    public static ulong Nowhere => 0x10;

    /// <summary>Puts a structure where <see cref="Address"/> points, calls, and takes it back.</summary>
    public int Ioctl<T>(ClientFile file, uint request, ref T argument)
        where T : unmanaged
    {
        MemoryMarshal.Write(Memory, in argument);
        int result = Ioctl(file, request, Address);
        argument = MemoryMarshal.Read<T>(Memory);
        return result;
    }

    /// <summary>The return value, or a negative errno.</summary>
    public int Ioctl(ClientFile file, uint request, ulong argument)
    {
        CallOutcome outcome = file.Ioctl(Call, request, argument);
        return outcome.Errno != 0 ? -outcome.Errno : (int)outcome.Value;
    }

    /// <summary>A descriptor of the file, as the client gets it.</summary>
    public int Give(ClientFile file)
    {
        int fd = Files.Add(file);
        Assert.True(fd >= 0, $"errno {-fd}");
        return fd;
    }

    public void Dispose()
    {
        Files.Dispose();
        _processes.Dispose();
        Watcher.Dispose();
        Sys.Call(_munmap, (nint)_memory, 5 * Page);
    }

    private static byte* MapWithAHoleBehind()
    {
        const int ReadWrite = 3;
        const int PrivateAnonymous = 0x22;
        const int Fixed = 0x10;
        int mmap = FilterArchitecture.Native.Mmap;
        nint memory = Sys.Call(mmap, 0, 5 * Page, 0, PrivateAnonymous, -1);
        Assert.True(memory > 0, $"errno {-memory}");
        Assert.Equal(memory, Sys.Call(mmap, memory, 4 * Page, ReadWrite, PrivateAnonymous | Fixed, -1));
        return (byte*)memory;
    }
}
