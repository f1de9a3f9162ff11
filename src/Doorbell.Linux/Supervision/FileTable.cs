using System.Buffers.Binary;
using Doorbell.Events;
using Doorbell.Linux.Native;
using Doorbell.Linux.Tracing;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// The emulated files that are open (T4). Each is an unlinked inode on a tmpfs of ours, known by its number whatever descriptors lead to it;
/// inotify tells of closes, and a lease which of them was the last.
/// </summary>
internal sealed class FileTable : IDisposable
{
    private const uint InCloseWrite = 0x8;
    private const uint InOverflow = 0x4000;
    private const uint InIgnored = 0x8000;
    private const int EventSize = 16;
    private const int OwnerReadWrite = 0x180; // 0600

    private readonly Dictionary<ulong, OpenFile> _byInode = [];
    private readonly Dictionary<int, OpenFile> _byWatch = [];
    private readonly Dictionary<object, FileMemory> _memories = new(ReferenceEqualityComparer.Instance); // as long as the table: pages once given are kept
    private readonly List<OpenFile> _told = []; // a close was told, and nobody has looked since
    private readonly FileSuspects _suspects = new();
    private readonly ThreadDescriptors _descriptors = new();
    private readonly byte[] _buffer = new byte[4096];
    private readonly EventStream _events;
    private readonly ClientFile _lost;
    private readonly ClientFile _unreachable = new UnreachableFile();
    private readonly int _directory;
    private readonly int _filler;
    private readonly ulong _device;
    private ulong _filled;
    private int _spare; // for looking when no other descriptor is left, without which none would ever become free

    /// <param name="directory">The tmpfs; the table owns the descriptor.</param>
    /// <param name="events">Where closes and lost files are told.</param>
    /// <param name="mappableBytes">Memory that files will want (<see cref="ClientFile.MappableRanges"/>), all together.</param>
    internal FileTable(int directory, EventStream events, ulong mappableBytes = 0)
    {
        const int NonBlockCloexec = 0x800 | Sys.O_CLOEXEC;
        _directory = directory;
        _events = events;
        _lost = new LostFile(events);
        Sys.Stat(directory, "\0"u8, Sys.AtEmptyPath, out FileIdentity identity);
        _device = identity.Device;
        _filled = RoomBesides(mappableBytes);
        _filler = Fill(directory, _filled);
        _spare = OpenSpare();
        InotifyFd = (int)Sys.Call(Nr.InotifyInit1, NonBlockCloexec);
        if (InotifyFd < 0)
        {
            throw new IOException($"inotify_init1 failed with {(Errno)(-InotifyFd)}: fs.inotify.max_user_instances may be too low");
        }
    }

    /// <summary>Bytes of content the tmpfs is to have room for: the files' memory, and a page that keeps it full while there is none.</summary>
    internal static ulong RoomBesides(ulong mappableBytes) => mappableBytes + (ulong)Environment.SystemPageSize;

    /// <summary>To poll.</summary>
    internal int InotifyFd { get; }

    /// <summary>Files open now.</summary>
    internal int Count => _byInode.Count;

    /// <summary>In how many milliseconds <see cref="Drain"/> wants to be called though nothing happened; -1 when it need not be.</summary>
    internal int Patience => _suspects.PatienceAt(Environment.TickCount64);

    /// <summary>True when <see cref="Drain"/> wants to be called, however busy the caller is otherwise.</summary>
    internal bool IsDue => Patience == 0;

    /// <summary>How often it was looked whether a file is still open.</summary>
    internal long Looks { get; private set; }

    /// <summary>
    /// The file behind a descriptor of a thread; null when it is none of ours. What is ours and has no file any more, or cannot be looked at,
    /// is a file that fails every call: the kernel would find an empty file there (T1). Allocates nothing.
    /// </summary>
    internal ClientFile? Find(int tid, int fd)
    {
        int result = _descriptors.Identify(tid, fd, out FileIdentity identity);
        if (result < 0)
        {
            return result is -(int)Errno.EACCES or -(int)Errno.EPERM ? _unreachable : null;
        }

        return identity.Device != _device ? null : _byInode.TryGetValue(identity.Inode, out OpenFile? open) ? open.File : _lost;
    }

    /// <summary>True for anything on the tmpfs of emulated files.</summary>
    internal bool IsOurs(in FileIdentity identity) => identity.Device == _device;

    /// <summary>Makes the inode of a new file.</summary>
    /// <returns>A descriptor for the client, to be closed here once it has it; or a negative errno.</returns>
    internal int Add(ClientFile file)
    {
        if (file.MappableRanges.Count != 0)
        {
            return AddWithMemory(file);
        }

        // For writing only: what is not emulated (read, mmap, sendfile) then fails in the kernel instead of finding an empty file (T1), and a
        // write finds no room (Fill). Not for writing either, and the close would look like that of any reader.
        int fd = Sys.OpenAt(_directory, ".\0"u8, Sys.O_TMPFILE | Sys.O_WRONLY | Sys.O_CLOEXEC, OwnerReadWrite);
        if (fd < 0)
        {
            return fd;
        }

        Span<byte> path = stackalloc byte[ProcPath.Size];
        int watch = AddWatch(ProcPath.OfOwnFd(path, fd));
        if (watch < 0)
        {
            Sys.Close(fd);
            return watch;
        }

        Sys.Stat(fd, "\0"u8, Sys.AtEmptyPath, out FileIdentity identity);
        int pathFd = DescriptorReserve.Spare(Sys.OpenAt(Sys.AtFdCwd, ProcPath.OfOwnFd(path, fd), Sys.O_PATH | Sys.O_CLOEXEC)); // makes no event when it closes
        if (pathFd < 0)
        {
            Sys.Call(Nr.InotifyRmWatch, InotifyFd, watch);
            Sys.Close(fd);
            return pathFd; // without it nobody would ever see the last close
        }

        var open = new OpenFile(file, identity.Inode, watch, pathFd);
        _byInode.Add(identity.Inode, open);
        _byWatch.Add(watch, open);
        return fd;
    }

    /// <summary>Takes in what inotify has: last closes become releases.</summary>
    internal void Drain()
    {
        while (true)
        {
            nint length = Sys.Read(InotifyFd, _buffer);
            if (length <= 0)
            {
                break; // EAGAIN: nothing more
            }

            for (ReadOnlySpan<byte> rest = _buffer.AsSpan(0, (int)length); rest.Length >= EventSize;)
            {
                int watch = BinaryPrimitives.ReadInt32LittleEndian(rest);
                uint mask = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
                rest = rest[(EventSize + BinaryPrimitives.ReadInt32LittleEndian(rest[12..]))..];
                if ((mask & InOverflow) != 0)
                {
                    SuspectAll();
                }
                else if ((mask & (InIgnored | InCloseWrite)) == InCloseWrite && _byWatch.TryGetValue(watch, out OpenFile? open))
                {
                    Suspect(open);
                }
            }
        }

        ReleaseClosed();
    }

    /// <summary>Events were lost, so that any file's last close may have been among them.</summary>
    internal void SuspectAll()
    {
        foreach (OpenFile open in _byInode.Values)
        {
            Suspect(open);
        }
    }

    /// <summary>Releases what is still open (V7).</summary>
    public void Dispose()
    {
        foreach (OpenFile open in _byInode.Values.ToArray())
        {
            Remove(open);
        }

        _told.Clear();
        foreach (FileMemory memory in _memories.Values)
        {
            memory.Dispose();
        }

        _memories.Clear();
        _descriptors.Dispose();
        Sys.Close(InotifyFd);
        Sys.Close(_filler);
        Sys.Close(_spare);
        Sys.Close(_directory);
    }

    /// <summary>
    /// Takes all of the tmpfs (ClientStart makes no more room), so that the client's bytes for no region fail with ENOSPC instead of
    /// vanishing in a file (T1). What files need for their memory is taken from there.
    /// </summary>
    private static int Fill(int directory, ulong room)
    {
        int fd = Sys.OpenAt(directory, ".\0"u8, Sys.O_TMPFILE | Sys.O_WRONLY | Sys.O_CLOEXEC, OwnerReadWrite);
        Sys.Fallocate(fd, 0, 0, room);
        return fd;
    }

    /// <summary>
    /// A file that may be mapped: a description of its own on the inode that has the memory. It has to be open for reading too, or nobody could map
    /// it; so it stands at the inode's end, where a read finds nothing and a write no room (T1).
    /// </summary>
    private int AddWithMemory(ClientFile file)
    {
        if (!_memories.TryGetValue(file.Identity, out FileMemory? memory))
        {
            ulong bytes = file.MappableRanges.Aggregate(0UL, static (sum, range) => sum + range.Length);
            if (bytes <= _filled && Sys.Truncate(_filler, _filled - bytes) >= 0)
            {
                _filled -= bytes;
            }

            int failed = FileMemory.Create(_directory, file.MappableRanges, out memory);
            if (failed < 0)
            {
                return failed;
            }

            _memories.Add(file.Identity, memory!);
        }

        int fd = memory!.Open();
        if (fd < 0)
        {
            return fd;
        }

        if (_byInode.ContainsKey(memory.Inode))
        {
            // The first one answers for all, and stays as long as any: a client that opens it again and again must not leave one behind each time.
            file.Release();
            return fd;
        }

        int watch = AddWatch(ProcPath.OfOwnFd(stackalloc byte[ProcPath.Size], memory.Fd));
        if (watch < 0)
        {
            Sys.Close(fd);
            return watch;
        }

        var open = new OpenFile(file, memory.Inode, watch, pathFd: -1, memory);
        _byInode.Add(memory.Inode, open);
        _byWatch.Add(watch, open);
        file.Attach(memory);
        return fd;
    }

    private void Suspect(OpenFile open)
    {
        if (!open.IsTold)
        {
            open.IsTold = true;
            _told.Add(open);
        }
    }

    /// <summary>
    /// A close for writing need not be the last: the client may have opened the inode anew (/dev/stdin, /proc/self/fd). And the last one is
    /// told a moment before it counts (__fput), though always before the closing thread goes on. So who is still open is looked at again.
    /// </summary>
    private void ReleaseClosed()
    {
        long now = Environment.TickCount64;
        for (int left = _suspects.Begin(now); left > 0 && _suspects.Next(now) is { } open; left--)
        {
            if (!open.IsTold)
            {
                Look(open, now);
            }
        }

        // Each of these costs the client a close, and whoever closed it may already ask for what it released.
        foreach (OpenFile open in _told)
        {
            open.IsTold = false;
            _suspects.Suspect(open, now);
            Look(open, now);
        }

        _told.Clear();
    }

    private void Look(OpenFile open, long now)
    {
        Looks++;
        if (!IsOpen(open))
        {
            Remove(open);
        }
        else
        {
            open.LookedAt = now;
        }
    }

    /// <summary>A read lease is refused with EAGAIN while anybody has the file open for writing (fcntl(2)).</summary>
    private bool IsOpen(OpenFile open)
    {
        if (open.Memory is { } memory)
        {
            return memory.IsOpenElsewhere();
        }

        const int SetSignal = 10; // F_SETSIG
        const int SetLease = 1024; // F_SETLEASE
        const int SigUrg = 23; // ignored by default, unlike SIGIO: should the client open the file between the lease and the close
        const int ReadLease = 0; // F_RDLCK
        int fd = Reopen(open);
        if (fd == -(int)Errno.EMFILE)
        {
            Sys.Close(_spare);
            _spare = -1;
            fd = Reopen(open);
        }

        if (fd < 0)
        {
            return true; // no descriptor to be had for looking, or a lease of the client's own in the way: it is looked at again
        }

        Sys.Call(Nr.Fcntl, fd, SetSignal, SigUrg);
        nint lease = Sys.Call(Nr.Fcntl, fd, SetLease, ReadLease);
        Sys.Close(fd); // and the lease with it
        if (_spare < 0)
        {
            _spare = OpenSpare();
        }

        return lease == -(int)Errno.EAGAIN; // where leases are forbidden (fs.leases-enable) the first close counts
    }

    private int OpenSpare() => Sys.OpenAt(_directory, ".\0"u8, Sys.O_PATH | Sys.O_DIRECTORY | Sys.O_CLOEXEC);

    /// <summary>Opens the inode for reading, which is not watched; never waits for the client, which may hold a lease of its own on it.</summary>
    private static int Reopen(OpenFile open)
    {
        const int NonBlocking = 0x800;
        Span<byte> path = stackalloc byte[ProcPath.Size];
        ReadOnlySpan<byte> link = ProcPath.OfOwnFd(path, open.PathFd);
        int fd = Sys.OpenAt(Sys.AtFdCwd, link, Sys.O_RDONLY | Sys.O_CLOEXEC | NonBlocking);
        if (fd == -(int)Errno.EACCES && Sys.ChangeMode(link, OwnerReadWrite) >= 0)
        {
            fd = Sys.OpenAt(Sys.AtFdCwd, link, Sys.O_RDONLY | Sys.O_CLOEXEC | NonBlocking); // the client owns the inode, and has called fchmod
        }

        return fd;
    }

    private void Remove(OpenFile open)
    {
        Sys.Call(Nr.InotifyRmWatch, InotifyFd, open.Watch); // a watch would keep the unlinked inode
        Sys.Close(open.PathFd);
        FileSuspects.Remove(open);
        _byWatch.Remove(open.Watch);
        _byInode.Remove(open.Inode);
        if (_events.IsEnabled)
        {
            _events.Emit(new ClientClosed(open.File.Name));
        }

        open.File.Release();
        open.Memory?.Clear();
    }

    private unsafe int AddWatch(ReadOnlySpan<byte> path)
    {
        fixed (byte* start = path)
        {
            return (int)Sys.Call(Nr.InotifyAddWatch, InotifyFd, (nint)start, (nint)InCloseWrite);
        }
    }
}
