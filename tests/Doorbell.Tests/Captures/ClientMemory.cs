using System.Runtime.InteropServices;

namespace Doorbell.Tests.Captures;

/// <summary>Memory of this process, mapped with a protection of choice: what the client names in MAP_DMA.</summary>
internal sealed partial class ClientMemory : IDisposable
{
    public const int None = 0;
    public const int ReadOnly = 1;
    public const int ReadWrite = 3;

    private const int PrivateAnonymous = 0x22;
    private const int Alignment = 0x1_0000; // the largest page of any board

    private readonly List<(nint Start, nint Size)> _mapped = [];

    public ulong Map(int size, int protection)
    {
        // Nothing follows it: a range that runs over its end names memory that is not there.
        nint start = Mmap(0, size + (2 * Alignment), None, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, start);
        _mapped.Add((start, size + (2 * Alignment)));
        nint aligned = (start + Alignment - 1) & ~(Alignment - 1);
        Assert.Equal(0, Mprotect(aligned, size, protection));
        return (ulong)aligned;
    }

    public void Dispose()
    {
        foreach ((nint start, nint size) in _mapped)
        {
            _ = Munmap(start, size);
        }

        _mapped.Clear();
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Mmap(nint address, nint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Mprotect(nint address, nint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nint length);
}
