using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>The view's device nodes, and its files that refuse to be written to: which of them, if any, a path of the client leads to.</summary>
internal sealed class NodeTable
{
    /// <summary>The client's directory and its path from there, and some room.</summary>
    internal const int MaxAbsolutePath = 3 * MaxPath;

    private const int MaxPath = 4096;

    private readonly (FileIdentity Identity, string Path)[] _nodes;
    private readonly byte[][] _names;
    private readonly byte[] _path = new byte[MaxPath];
    private readonly byte[] _absolute = new byte[MaxAbsolutePath];
    private readonly SlowPaths _slow = new();

    internal NodeTable(IReadOnlyList<FileIdentity> identities, IReadOnlyList<string> paths)
    {
        _nodes = [.. identities.Zip(paths)];
        _names = [.. paths.Select(static path => path[(path.LastIndexOf('/') + 1)..]).Distinct().Select(Encoding.UTF8.GetBytes)];
    }

    /// <summary>The node a path leads to, resolved as the client's thread would; null when it is none of ours. Allocates nothing.</summary>
    /// <param name="call">The thread's call.</param>
    /// <param name="directory">The call's directory descriptor, or AT_FDCWD.</param>
    /// <param name="address">Where the path is in the client.</param>
    /// <param name="followLinks">False with O_NOFOLLOW.</param>
    /// <param name="identity">What the path leads to, for the caller to recognise an emulated file opened anew.</param>
    /// <param name="failure">EMFILE or ENFILE where there was no descriptor to look with, and the path may be ours; else none.</param>
    internal string? Find(ClientCall call, int directory, ulong address, bool followLinks, out FileIdentity identity, out Errno failure)
    {
        identity = default;
        failure = Errno.None;
        int length = ReadPath(call, address);
        if (length <= 0)
        {
            return null;
        }

        ReadOnlySpan<byte> path = _path.AsSpan(0, length);
        ReadOnlySpan<byte> name = path[(path.LastIndexOf((byte)'/') + 1)..];
        if (!MayBeOurs(name))
        {
            return null;
        }

        // A descriptor leads to an emulated file, or to a node that was opened with O_PATH.
        if (!TryFindDescriptor(call.Tid, path, name, out identity))
        {
            int result = Resolve(call.Tid, directory, length, followLinks, out identity);
            if (result < 0)
            {
                failure = (Errno)(-result) is Errno.EMFILE or Errno.ENFILE ? (Errno)(-result) : Errno.None;
                return null;
            }
        }

        foreach ((FileIdentity node, string nodePath) in _nodes)
        {
            if (node == identity)
            {
                return nodePath;
            }
        }

        return null;
    }

    /// <summary>
    /// The last component says quickly that a path cannot be ours: a node's own name, or the number of a descriptor. (A link of another name
    /// to a node is not found here; its open fails in the kernel, since the node itself cannot be opened.)
    /// </summary>
    private bool MayBeOurs(ReadOnlySpan<byte> name)
    {
        foreach (byte[] ours in _names)
        {
            if (name.SequenceEqual(ours))
            {
                return true;
            }
        }

        return !name.IsEmpty && name.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;
    }

    /// <summary>/proc/self/fd/N and its like name a descriptor, through a link that only the kernel can follow.</summary>
    private static bool TryFindDescriptor(int tid, ReadOnlySpan<byte> path, ReadOnlySpan<byte> number, out FileIdentity identity)
    {
        identity = default;
        Span<byte> own = stackalloc byte[ProcPath.Size];
        bool isDescriptor = path.StartsWith("/dev/fd/"u8)
            || path.StartsWith("/proc/self/fd/"u8)
            || path.StartsWith("/proc/thread-self/fd/"u8)
            || (path.StartsWith("/proc/"u8) && path[..^number.Length].EndsWith("/fd/"u8));
        if (!isDescriptor || !System.Buffers.Text.Utf8Parser.TryParse(number, out int fd, out _))
        {
            return false;
        }

        if (path.StartsWith("/proc/"u8) && System.Buffers.Text.Utf8Parser.TryParse(path[6..], out int pid, out _))
        {
            tid = pid;
        }

        return Sys.Stat(Sys.AtFdCwd, ProcPath.OfFd(own, tid, fd), Sys.AtStatxDontSync, out identity) == 0;
    }

    private int Resolve(int tid, int directory, int length, bool followLinks, out FileIdentity identity)
    {
        identity = default;
        Span<byte> proc = stackalloc byte[ProcPath.Size];
        ReadOnlySpan<byte> path = _path.AsSpan(0, length + 1); // with its NUL
        if (path[0] != (byte)'/')
        {
            int absolute = MakeAbsolute(tid, directory, path);
            if (absolute <= 0)
            {
                return -(int)Errno.ENOENT;
            }

            path = _absolute.AsSpan(0, absolute);
        }

        int root = Sys.OpenAt(Sys.AtFdCwd, ProcPath.Of(proc, tid, "root"u8), Sys.O_PATH | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
        if (root < 0)
        {
            return root;
        }

        int file = Open(root, path, Sys.O_PATH | Sys.O_CLOEXEC | (followLinks ? 0 : Sys.O_NOFOLLOW));
        int result = file < 0 ? file : Sys.Stat(file, "\0"u8, Sys.AtEmptyPath | Sys.AtStatxDontSync, out identity);
        Sys.Close(file);
        return result;
    }

    /// <summary>
    /// Opens without asking a file system's server for anything: our own nodes lie on a tmpfs, which the kernel has in memory. A way to them that is not
    /// (a link on a disk) is gone by somebody else.
    /// </summary>
    private int Open(int root, ReadOnlySpan<byte> path, int flags)
    {
        const int Tries = 4; // a mount or a rename anywhere, at the same moment, is EAGAIN too
        int file;
        int left = Tries;
        do
        {
            file = Sys.OpenAt2(root, path, (ulong)flags, Sys.ResolveInRoot | Sys.ResolveCached);
        }
        while (file == -(int)Errno.EAGAIN && --left > 0);

        // EINVAL from kernels before 5.12, which know no RESOLVE_CACHED.
        if (file is -(int)Errno.EAGAIN or -(int)Errno.EINVAL)
        {
            return _slow.Open(root, path, flags);
        }

        Sys.Close(root);
        return file;
    }

    /// <summary>The directory's path, as the thread's root shows it, and the relative path after it; with its NUL.</summary>
    private int MakeAbsolute(int tid, int directory, ReadOnlySpan<byte> relative)
    {
        Span<byte> proc = stackalloc byte[ProcPath.Size];
        Span<byte> root = stackalloc byte[MaxPath];
        ReadOnlySpan<byte> link = directory == Sys.AtFdCwd ? ProcPath.Of(proc, tid, "cwd"u8) : ProcPath.OfFd(proc, tid, directory);
        int length = Sys.ReadLink(Sys.AtFdCwd, link, _absolute.AsSpan(0, MaxPath));
        int rootLength = Sys.ReadLink(Sys.AtFdCwd, ProcPath.Of(proc, tid, "root"u8), root);
        if (length <= 0 || rootLength <= 0 || _absolute[0] != (byte)'/')
        {
            return 0;
        }

        if (rootLength > 1 && _absolute.AsSpan(0, length).StartsWith(root[..rootLength]))
        {
            _absolute.AsSpan(rootLength, length - rootLength).CopyTo(_absolute);
            length -= rootLength;
        }

        _absolute[length++] = (byte)'/';
        relative.CopyTo(_absolute.AsSpan(length));
        return length + relative.Length;
    }

    /// <summary>Reads up to the NUL, a page at a time: the next page may not be there. 0 when there is no path.</summary>
    private int ReadPath(ClientCall call, ulong address)
    {
        const int PageSize = 4096;
        int length = 0;
        while (length < MaxPath)
        {
            int chunk = Math.Min(MaxPath - length, PageSize - (int)((address + (ulong)length) % PageSize));
            chunk = Math.Min(chunk, length == 0 ? 256 : chunk);
            nint got = call.ReadSome(address + (ulong)length, _path.AsSpan(length, chunk));
            if (got <= 0)
            {
                return 0;
            }

            int end = _path.AsSpan(length, (int)got).IndexOf((byte)0);
            if (end >= 0)
            {
                return length + end;
            }

            length += (int)got;
        }

        return 0;
    }
}
