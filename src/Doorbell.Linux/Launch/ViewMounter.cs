using System.Text;
using Doorbell.Linux.Native;
using Doorbell.Linux.Views;

namespace Doorbell.Linux.Launch;

/// <summary>
/// Puts the view (T10) over /sys and /dev of the calling thread's mount namespace: a tmpfs each, in which real entries are bound and the
/// machine's are made. The mounts live and die with the namespace.
/// </summary>
internal sealed class ViewMounter
{
    private readonly SysView _view;
    private readonly HashSet<string> _replaced;
    private readonly HashSet<string> _merged = new(StringComparer.Ordinal);

    internal ViewMounter(SysView view)
    {
        _view = view;
        _replaced = [.. view.Entries.Select(entry => entry.Path)];
        foreach (string path in view.Entries.Select(entry => entry.Path).Concat(view.Hidden))
        {
            // The directories above an entry, from the top down, until one that the view replaces.
            for (int slash = path.IndexOf('/', 1); slash > 0 && !_replaced.Contains(path[..slash]); slash = path.IndexOf('/', slash + 1))
            {
                _merged.Add(path[..slash]);
            }
        }
    }

    /// <summary>What could not be mirrored, and why.</summary>
    internal List<string> Missing { get; } = [];

    /// <summary>Descriptor of the view's /sys, for writing, which the client's own is not; -1 until it is mounted. The caller owns it.</summary>
    internal int LiveSys { get; private set; } = -1;

    /// <summary>Builds and mounts; the identities of what the supervisor answers come in the order of the view's entries.</summary>
    internal Result<List<FileIdentity>> Mount()
    {
        Result privately = Mounts.MakePrivate();
        if (!privately.IsOk)
        {
            return privately;
        }

        var nodes = new List<FileIdentity>();
        int umask = (int)Sys.Call(Nr.Umask, 0);
        try
        {
            foreach (string root in (ReadOnlySpan<string>)["/sys", "/dev"])
            {
                Result mounted = MountRoot(root, nodes);
                if (!mounted.IsOk)
                {
                    return mounted;
                }
            }
        }
        finally
        {
            Sys.Call(Nr.Umask, umask);
        }

        return nodes;
    }

    private Result MountRoot(string root, List<FileIdentity> nodes)
    {
        int real = Sys.OpenAt(Sys.AtFdCwd, Bytes(root), Sys.O_RDONLY | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
        if (real < 0)
        {
            return Result.Fail((Errno)(-real), $"{root} cannot be opened ({(Errno)(-real)})");
        }

        Result<int> tmpfs = Mounts.CreateTmpfs();
        if (!tmpfs.IsOk)
        {
            Sys.Close(real);
            return tmpfs.WithoutValue;
        }

        // Taken before the view covers the directory, or the copy would hold the view.
        RealDevices? devices = root == RealDevices.Root ? RealDevices.Take(real) : null;
        try
        {
            Result attached = Mounts.Attach(tmpfs.Value, Sys.AtFdCwd, Bytes(root), root);
            if (!attached.IsOk)
            {
                return attached;
            }

            if (root == "/sys")
            {
                LiveSys = Mounts.CloneAlone(tmpfs.Value); // before anything is mounted in it
                if (LiveSys < 0)
                {
                    return Result.Fail((Errno)(-LiveSys), $"a second mount of the view's {root} cannot be made ({(Errno)(-LiveSys)})");
                }
            }

            Mirror(real, tmpfs.Value, root);
            if (devices?.OfferTerminals(tmpfs.Value, _view.Hidden) is { IsOk: false } refused)
            {
                Missing.Add($"{RealDevices.Multiplexer}: {refused.Reason}");
            }

            Result made = MakeEntries(tmpfs.Value, root, nodes);

            // Writes to what only looks like sysfs must fail, not vanish (T1): EROFS.
            return made.IsOk ? Mounts.MakeReadOnly(tmpfs.Value) : made;
        }
        finally
        {
            devices?.Dispose();
            Sys.Close(tmpfs.Value);
            Sys.Close(real);
        }
    }

    private void Mirror(int real, int mirror, string path)
    {
        foreach ((string name, DirectoryEntries.EntryType type) in DirectoryEntries.Read(real))
        {
            string full = $"{path}/{name}";
            if (_replaced.Contains(full) || IsHidden(full) || full == RealDevices.Multiplexer)
            {
                continue;
            }

            int failed = type switch
            {
                DirectoryEntries.EntryType.Symlink => CopyLink(real, mirror, name),
                DirectoryEntries.EntryType.Directory when _merged.Contains(full) => MirrorBelow(real, mirror, name, full),
                _ => Mounts.Bind(real, mirror, Bytes(name), type == DirectoryEntries.EntryType.Directory),
            };
            if (failed < 0 && failed != -(int)Errno.ENOENT)
            {
                Missing.Add($"{full}: {(Errno)(-failed)}");
            }
        }
    }

    private int MirrorBelow(int real, int mirror, string name, string full)
    {
        const int DirectoryMode = 0x1ed; // 0755
        byte[] nameBytes = Bytes(name);
        int made = Mounts.MakeDirectory(mirror, nameBytes, DirectoryMode);
        if (made < 0)
        {
            return made;
        }

        int from = Sys.OpenAt(real, nameBytes, Sys.O_RDONLY | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
        int to = Sys.OpenAt(mirror, nameBytes, Sys.O_RDONLY | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
        if (from >= 0 && to >= 0)
        {
            Mirror(from, to, full);
        }

        Sys.Close(from);
        Sys.Close(to);
        return Math.Min(from, to);
    }

    private static int CopyLink(int real, int mirror, string name)
    {
        byte[] nameBytes = Bytes(name);
        var target = new byte[4096];
        int length = Sys.ReadLink(real, nameBytes, target.AsSpan(0, target.Length - 1));
        return length < 0 ? length : Mounts.MakeLink(mirror, nameBytes, target.AsSpan(0, length + 1));
    }

    private Result MakeEntries(int tmpfs, string root, List<FileIdentity> nodes)
    {
        foreach (SysEntry entry in _view.Entries)
        {
            if (!entry.Path.StartsWith(root + "/", StringComparison.Ordinal))
            {
                continue;
            }

            string relative = entry.Path[(root.Length + 1)..];
            for (int slash = relative.IndexOf('/'); slash > 0; slash = relative.IndexOf('/', slash + 1))
            {
                Mounts.MakeDirectory(tmpfs, Bytes(relative[..slash]), 0x1ed /* 0755 */);
            }

            byte[] name = Bytes(relative);
            int failed = entry.Kind switch
            {
                SysEntryKind.Directory => Mounts.MakeDirectory(tmpfs, name, entry.Mode),
                SysEntryKind.File or SysEntryKind.LiveFile => Mounts.MakeFile(tmpfs, name, entry.Mode, entry.Content.Span),
                SysEntryKind.Symlink => Mounts.MakeLink(tmpfs, name, [.. entry.Content.Span, 0]),
                _ => Mounts.MakeNode(tmpfs, name, entry.Mode),
            };
            if (failed >= 0 && entry.IsAnswered)
            {
                failed = Sys.Stat(tmpfs, name, Sys.AtSymlinkNoFollow, out FileIdentity identity);
                nodes.Add(identity);
            }

            if (failed < 0)
            {
                return Result.Fail((Errno)(-failed), $"{entry.Path} cannot be made in the client's view ({(Errno)(-failed)})");
            }
        }

        return Result.Ok;
    }

    private bool IsHidden(string path)
    {
        foreach (string hidden in _view.Hidden)
        {
            if (hidden[^1] == '*' ? path.StartsWith(hidden.AsSpan(0, hidden.Length - 1), StringComparison.Ordinal) : path == hidden)
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text + '\0');
}
