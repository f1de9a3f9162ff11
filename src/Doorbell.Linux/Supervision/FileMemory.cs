using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Memory that is shared with clients (T5): pages of an inode on the tmpfs of emulated files, at the offsets clients map them by. Any thread may read
/// and write it; that neither locks nor allocates.
/// </summary>
/// <remarks>
/// It is reached by pread(2) and pwrite(2) and not mapped here: a client can take pages away from an inode it has open for writing
/// (MADV_REMOVE, for one), and an access through a mapping would then be this process's SIGBUS. The kernel copies aligned words whole.
/// </remarks>
internal sealed class FileMemory : IDisposable
{
    private const int OwnerReadWrite = 0x180; // 0600

    private readonly FileRange[] _ranges;

    private FileMemory(int fd, ulong inode, FileRange[] ranges)
    {
        Fd = fd;
        Inode = inode;
        _ranges = ranges;
    }

    /// <summary>The one descriptor that is ours.</summary>
    internal int Fd { get; }

    /// <summary>Its inode's number.</summary>
    internal ulong Inode { get; }

    /// <summary>Whoever looks at it on a thread of its own while clients have it mapped.</summary>
    internal IDisposable? Poller { get; set; }

    private ulong End => _ranges.Max(static range => range.End);

    /// <summary>Makes the inode with its pages.</summary>
    /// <returns>0, or a negative errno.</returns>
    internal static int Create(int directory, IReadOnlyList<FileRange> ranges, out FileMemory? memory)
    {
        memory = null;
        int fd = Sys.OpenAt(directory, ".\0"u8, Sys.O_TMPFILE | Sys.O_RDWR | Sys.O_CLOEXEC, OwnerReadWrite);
        if (fd < 0)
        {
            return fd;
        }

        Sys.Stat(fd, "\0"u8, Sys.AtEmptyPath, out FileIdentity identity);
        memory = new FileMemory(fd, identity.Inode, [.. ranges]);
        int failed = memory.Allocate();
        if (failed < 0)
        {
            memory.Dispose();
            memory = null;
        }

        return failed;
    }

    /// <summary>A description of its own, for a client.</summary>
    /// <returns>A descriptor, or a negative errno.</returns>
    internal int Open()
    {
        const int SeekEnd = 2;
        ReadOnlySpan<byte> link = ProcPath.OfOwnFd(stackalloc byte[ProcPath.Size], Fd);
        Sys.ChangeMode(link, OwnerReadWrite); // the client before owned the inode as well, and may have called fchmod
        int fd = Sys.OpenAt(Sys.AtFdCwd, link, Sys.O_RDWR | Sys.O_CLOEXEC);
        if (fd >= 0)
        {
            Sys.Call(Nr.LSeek, fd, 0, SeekEnd);
        }

        return fd;
    }

    /// <summary>True while anybody else has the inode open or mapped: then a write lease is refused (fcntl(2)).</summary>
    internal bool IsOpenElsewhere()
    {
        const int SetSignal = 10; // F_SETSIG
        const int SetLease = 1024; // F_SETLEASE
        const int SigUrg = 23; // ignored by default, unlike SIGIO: should a client open the inode at this moment
        const int WriteLease = 1; // F_WRLCK
        const int NoLease = 2; // F_UNLCK
        Sys.Call(Nr.Fcntl, Fd, SetSignal, SigUrg);
        nint lease = Sys.Call(Nr.Fcntl, Fd, SetLease, WriteLease);
        if (lease >= 0)
        {
            Sys.Call(Nr.Fcntl, Fd, SetLease, NoLease);
        }

        return lease == -(int)Errno.EAGAIN; // where leases are forbidden (fs.leases-enable) the first close counts
    }

    /// <summary>Copies out; what is not there reads as zero.</summary>
    internal void Read(ulong offset, Span<byte> destination)
    {
        nint length = Sys.PRead(Fd, destination, (long)offset);
        destination[(int)Math.Max(0, length)..].Clear();
    }

    /// <summary>Copies in. What finds no room does not come back to haunt anybody but the client that took it away.</summary>
    internal void Write(ulong offset, ReadOnlySpan<byte> source) => Sys.PWrite(Fd, source, (long)offset);

    /// <summary>All zero and whole again, for the next client. Nobody else has it open.</summary>
    internal void Clear()
    {
        Sys.Truncate(Fd, 0);
        Allocate();
    }

    public void Dispose()
    {
        Poller?.Dispose();
        Sys.Close(Fd);
    }

    private int Allocate()
    {
        foreach (FileRange range in _ranges)
        {
            int failed = (int)Sys.Fallocate(Fd, 0, range.Offset, range.Length);
            if (failed < 0)
            {
                return failed;
            }
        }

        return Sys.Truncate(Fd, End);
    }
}
