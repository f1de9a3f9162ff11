using System.Buffers.Binary;
using Doorbell.Events;
using Doorbell.Linux.Native;
using Doorbell.Linux.Tracing;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// The emulated files that are open (T4). Each is an unlinked inode on a tmpfs of ours, known by its number whatever descriptors lead to it;
/// inotify tells of the last close.
/// </summary>
internal sealed class FileTable : IDisposable
{
    private const uint InModify = 0x2;
    private const uint InCloseWrite = 0x8;
    private const uint InIgnored = 0x8000;
    private const int EventSize = 16;

    private readonly Dictionary<ulong, OpenFile> _byInode = [];
    private readonly Dictionary<int, OpenFile> _byWatch = [];
    private readonly byte[] _buffer = new byte[4096];
    private readonly EventStream _events;
    private readonly int _directory;
    private readonly ulong _device;

    /// <param name="directory">The tmpfs; the table owns the descriptor.</param>
    /// <param name="events">Where closes and stray writes are told.</param>
    internal FileTable(int directory, EventStream events)
    {
        const int NonBlockCloexec = 0x800 | Sys.O_CLOEXEC;
        _directory = directory;
        _events = events;
        Sys.Stat(directory, "\0"u8, Sys.AtEmptyPath, out FileIdentity identity);
        _device = identity.Device;
        InotifyFd = (int)Sys.Call(Nr.InotifyInit1, NonBlockCloexec);
        if (InotifyFd < 0)
        {
            throw new IOException($"inotify_init1 failed with {(Errno)(-InotifyFd)}: fs.inotify.max_user_instances may be too low");
        }
    }

    /// <summary>To poll.</summary>
    internal int InotifyFd { get; }

    /// <summary>Files open now.</summary>
    internal int Count => _byInode.Count;

    /// <summary>The file behind a descriptor of a thread; null when it is none of ours. Allocates nothing.</summary>
    internal ClientFile? Find(int tid, int fd)
    {
        Span<byte> path = stackalloc byte[ProcPath.Size];
        return Sys.Stat(Sys.AtFdCwd, ProcPath.OfFd(path, tid, fd), 0, out FileIdentity identity) == 0
            && identity.Device == _device
            && _byInode.TryGetValue(identity.Inode, out OpenFile? open)
                ? open.File
                : null;
    }

    /// <summary>True for anything on the tmpfs of emulated files.</summary>
    internal bool IsOurs(in FileIdentity identity) => identity.Device == _device;

    /// <summary>Makes the inode of a new file.</summary>
    /// <returns>A descriptor for the client, to be closed here once it has it; or a negative errno.</returns>
    internal int Add(ClientFile file)
    {
        // For writing only: what is not emulated (read, mmap, sendfile) then fails in the kernel instead of finding an empty file (T1). A plain
        // write still gets through, and is told (Handle); not for writing either, and the close would look like that of any reader.
        const int OwnerReadWrite = 0x180;
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
        int pathFd = Sys.OpenAt(Sys.AtFdCwd, ProcPath.OfOwnFd(path, fd), Sys.O_PATH | Sys.O_CLOEXEC); // makes no event when it closes
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
                return; // EAGAIN: nothing more
            }

            for (ReadOnlySpan<byte> rest = _buffer.AsSpan(0, (int)length); rest.Length >= EventSize;)
            {
                int watch = BinaryPrimitives.ReadInt32LittleEndian(rest);
                uint mask = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
                rest = rest[(EventSize + BinaryPrimitives.ReadInt32LittleEndian(rest[12..]))..];
                if ((mask & InIgnored) == 0 && _byWatch.TryGetValue(watch, out OpenFile? open))
                {
                    Handle(open, mask);
                }
            }
        }
    }

    /// <summary>Releases what is still open (V7).</summary>
    public void Dispose()
    {
        foreach (OpenFile open in _byInode.Values.ToArray())
        {
            Remove(open);
        }

        Sys.Close(InotifyFd);
        Sys.Close(_directory);
    }

    private void Handle(OpenFile open, uint mask)
    {
        if ((mask & InModify) != 0 && Sys.SizeOf(open.PathFd) > 0)
        {
            Sys.Truncate(open.PathFd); // its own InModify finds nothing left
            // The client wrote at the file's position, or cut it, where nothing is emulated: say so, and leave no bytes to read back.
            _events.Emit(new Refusal
            {
                Operation = "write(2)",
                Subject = open.File.Name,
                Errno = Errno.EINVAL,
                Rule = "T1",
                Reason = "the client wrote to the descriptor without naming a region's offset; the bytes went nowhere",
                Remedy = "use pwrite(2) at the region's offset (VFIO_DEVICE_GET_REGION_INFO)",
            });
        }

        if ((mask & InCloseWrite) != 0)
        {
            Remove(open);
        }
    }

    private void Remove(OpenFile open)
    {
        Sys.Call(Nr.InotifyRmWatch, InotifyFd, open.Watch); // a watch would keep the unlinked inode
        Sys.Close(open.PathFd);
        _byWatch.Remove(open.Watch);
        _byInode.Remove(open.Inode);
        if (_events.IsEnabled)
        {
            _events.Emit(new ClientClosed(open.File.Name));
        }

        open.File.Release();
    }

    private unsafe int AddWatch(ReadOnlySpan<byte> path)
    {
        fixed (byte* start = path)
        {
            return (int)Sys.Call(Nr.InotifyAddWatch, InotifyFd, (nint)start, (nint)(InModify | InCloseWrite));
        }
    }

    private sealed record OpenFile(ClientFile File, ulong Inode, int Watch, int PathFd);
}
