using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>The mount calls a view needs: fsopen(2) and its family, and what fills a fresh tmpfs. Names end with a NUL.</summary>
internal static unsafe class Mounts
{
    private const int AttrReadOnly = 1;
    private const int AttrNoSuid = 2;
    private const int AttrNoDev = 4;
    private const int AttrNoExec = 8;
    private const int AtRecursive = 0x8000;

    private const int TypeRegular = 0x8000;
    private const int TypeCharacter = 0x2000;

    /// <summary>Nothing mounted here reaches other namespaces.</summary>
    internal static Result MakePrivate()
    {
        const nint RecursivePrivate = 0x4000 | 0x40000;
        fixed (byte* root = "/\0"u8)
        {
            return Outcome((int)Sys.Call(Nr.Mount, 0, (nint)root, 0, RecursivePrivate), "making the mount namespace private");
        }
    }

    /// <summary>A fresh tmpfs, not yet mounted anywhere; it lasts as long as its descriptor unless it is attached.</summary>
    /// <param name="room">Bytes of content there is room for in all, for <see cref="Supervision.FileTable"/> to take; 0: as much as the kernel gives.</param>
    internal static Result<int> CreateTmpfs(ulong room = 0)
    {
        const int CloseOnExec = 1;
        const int SetString = 1;
        const int Create = 6;
        fixed (byte* type = "tmpfs\0"u8, source = "source\0"u8, doorbell = "doorbell\0"u8, mode = "mode\0"u8, octal = "0755\0"u8, size = "size\0"u8, bytes = Decimal(room))
        {
            int context = (int)Sys.Call(Nr.FsOpen, (nint)type, CloseOnExec);
            if (context < 0)
            {
                return Outcome(context, "fsopen of a tmpfs");
            }

            Sys.Call(Nr.FsConfig, context, SetString, (nint)source, (nint)doorbell);
            Sys.Call(Nr.FsConfig, context, SetString, (nint)mode, (nint)octal);
            if (room != 0)
            {
                Sys.Call(Nr.FsConfig, context, SetString, (nint)size, (nint)bytes); // rounded up to a page
            }

            int failed = (int)Sys.Call(Nr.FsConfig, context, Create);
            int mount = failed < 0 ? failed : (int)Sys.Call(Nr.FsMount, context, CloseOnExec, AttrNoSuid | AttrNoDev | AttrNoExec);
            Sys.Close(context);
            return mount < 0 ? Outcome(mount, "mounting a tmpfs") : mount;
        }
    }

    /// <summary>Attaches a mount's descriptor at a path.</summary>
    internal static Result Attach(int mount, int directory, ReadOnlySpan<byte> path, string name) =>
        Outcome(Move(mount, directory, path), $"mounting over {name}");

    /// <summary>Writes fail with EROFS from now on; what is bound below keeps its own flags.</summary>
    internal static Result MakeReadOnly(int mount)
    {
        ulong* attributes = stackalloc ulong[4] { AttrReadOnly, 0, 0, 0 };
        fixed (byte* empty = "\0"u8)
        {
            return Outcome(
                (int)Sys.Call(Nr.MountSetAttr, mount, (nint)empty, Sys.AtEmptyPath, (nint)attributes, 4 * sizeof(ulong)),
                "making the view read-only");
        }
    }

    /// <summary>Binds an entry of one directory, with everything mounted below it, under the same name in another.</summary>
    internal static int Bind(int fromDirectory, int toDirectory, ReadOnlySpan<byte> name, bool isDirectory)
    {
        int tree = Clone(fromDirectory, name);
        if (tree < 0)
        {
            return tree;
        }

        int result = isDirectory ? MakeDirectory(toDirectory, name, 0x1ed /* 0755 */) : Mknod(toDirectory, name, TypeRegular);
        if (result >= 0)
        {
            result = Move(tree, toDirectory, name);
        }

        Sys.Close(tree);
        return result;
    }

    /// <summary>
    /// A copy of a file, or of a directory with everything mounted below it, not yet mounted anywhere; it lasts as long as its descriptor
    /// unless it is attached. An empty name is the directory itself.
    /// </summary>
    /// <returns>Its descriptor, or a negative errno.</returns>
    internal static int Clone(int directory, ReadOnlySpan<byte> name) => Clone(directory, name, AtRecursive);

    /// <summary>The same mount once more, without what is mounted in it and with flags of its own; attached nowhere, and there as long as its descriptor.</summary>
    /// <returns>Its descriptor, or a negative errno.</returns>
    internal static int CloneAlone(int mount) => Clone(mount, "\0"u8, 0);

    private static int Clone(int directory, ReadOnlySpan<byte> name, int recursive)
    {
        const int CloneTree = 1;
        fixed (byte* start = name)
        {
            return (int)Sys.Call(
                Nr.OpenTree, directory, (nint)start, CloneTree | recursive | Sys.AtSymlinkNoFollow | Sys.AtEmptyPath | Sys.O_CLOEXEC);
        }
    }

    /// <summary>Makes a directory; one that is there already is fine.</summary>
    internal static int MakeDirectory(int directory, ReadOnlySpan<byte> name, int mode)
    {
        fixed (byte* start = name)
        {
            int result = (int)Sys.Call(Nr.MkdirAt, directory, (nint)start, mode);
            return result == -(int)Errno.EEXIST ? 0 : result;
        }
    }

    internal static int MakeFile(int directory, ReadOnlySpan<byte> name, int mode, ReadOnlySpan<byte> content)
    {
        const int WriteOnly = 1;
        int fd = Sys.OpenAt(directory, name, WriteOnly | Sys.O_CREAT | Sys.O_EXCL | Sys.O_CLOEXEC, mode);
        if (fd < 0)
        {
            return fd;
        }

        int result = 0;
        while (!content.IsEmpty && result >= 0)
        {
            result = (int)Sys.Write(fd, content);
            content = content[Math.Max(result, 0)..];
        }

        Sys.Close(fd);
        return Math.Min(result, 0);
    }

    internal static int MakeLink(int directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        fixed (byte* start = name, to = target)
        {
            return (int)Sys.Call(Nr.SymlinkAt, (nint)to, directory, (nint)start);
        }
    }

    /// <summary>
    /// A character device 0:0, which anybody may make (it is overlayfs's whiteout) and nobody can open: stat sees a device, and an open that
    /// is not trapped fails with EACCES or ENXIO instead of opening something else (T1).
    /// </summary>
    internal static int MakeNode(int directory, ReadOnlySpan<byte> name, int mode) => Mknod(directory, name, TypeCharacter | mode);

    /// <summary>Takes a file's name away.</summary>
    internal static void Remove(int directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* start = name)
        {
            Sys.Call(Nr.UnlinkAt, directory, (nint)start, 0);
        }
    }

    private static int Mknod(int directory, ReadOnlySpan<byte> name, int mode)
    {
        fixed (byte* start = name)
        {
            return (int)Sys.Call(Nr.MknodAt, directory, (nint)start, mode, 0);
        }
    }

    /// <summary>Attaches a mount's descriptor at a path; a negative errno when that fails.</summary>
    internal static int Move(int mount, int directory, ReadOnlySpan<byte> path)
    {
        const int FromEmptyPath = 4;
        fixed (byte* empty = "\0"u8, start = path)
        {
            return (int)Sys.Call(Nr.MoveMount, mount, (nint)empty, directory, (nint)start, FromEmptyPath);
        }
    }

    private static byte[] Decimal(ulong number) => System.Text.Encoding.ASCII.GetBytes(number.ToString(System.Globalization.CultureInfo.InvariantCulture) + "\0");

    private static Result Outcome(int result, string what) => result >= 0
        ? Result.Ok
        : Result.Fail((Errno)(-result), $"{what} failed with {(Errno)(-result)}{Hint(-result)}");

    private static string Hint(int errno) => (Errno)errno switch
    {
        Errno.EPERM or Errno.EACCES => " (mounts are forbidden here: a container's own seccomp profile, or a security module)",
        Errno.ENOSYS => " (Linux 5.12 or newer is needed)",
        _ => string.Empty,
    };
}
