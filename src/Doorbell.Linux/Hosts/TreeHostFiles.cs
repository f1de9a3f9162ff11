using System.Buffers;
using System.Text;
using Doorbell.Hosts;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Hosts;

/// <summary>The files of this machine, or of a directory that has the same tree below it.</summary>
/// <remarks>In a directory links are followed within it and never out of it: an absolute one begins at the directory.</remarks>
internal sealed class TreeHostFiles : IHostFiles
{
    private const int MostBytes = 1 << 24; // of one file: a device tree has 1 MiB, a kernel's configuration 300 KiB
    private const int MostLinks = 40;
    private const int NonBlocking = 0x800; // O_NONBLOCK, the same on x86 and arm64
    private const int Eperm = 1, Enoent = 2, Eacces = 13, Enotdir = 20;

    // Empty for the machine itself, whose links the kernel follows.
    private readonly string _root;
    private readonly Dictionary<string, string?> _folders = new(StringComparer.Ordinal);
    private readonly CaptureManifest _manifest = new();

    private TreeHostFiles(string root, string name)
    {
        _root = root;
        Name = name;
        if (root.Length > 0 && ReadAt($"{root}/{CaptureManifest.FileName}", out byte[] manifest) == HostFileStatus.Read)
        {
            _manifest = CaptureManifest.Read(manifest);
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The machine this runs on.</summary>
    public static TreeHostFiles Live() => new("", "this machine");

    /// <summary>A directory.</summary>
    public static TreeHostFiles Of(string folder) => new(folder.TrimEnd('/') is { Length: > 0 } root ? root : "", folder);

    /// <inheritdoc/>
    public HostFileStatus TryRead(string path, out byte[] content)
    {
        content = [];
        HostFileStatus status = _manifest.StatusOf(path);
        return status != HostFileStatus.Read ? status : Place(path) is { } place ? ReadAt(place, out content) : HostFileStatus.Missing;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        if (Place(directory) is not { } place)
        {
            return [];
        }

        try
        {
            string[] names = [.. Directory.EnumerateFileSystemEntries(place).Select(static entry => Path.GetFileName(entry))];
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <inheritdoc/>
    public string? ReadLink(string path)
    {
        int slash = path.LastIndexOf('/');
        return Place(path[..slash]) is { } above ? LinkAt($"{above}/{path[(slash + 1)..]}") : null;
    }

    /// <inheritdoc/>
    public HostFileStatus StatusOf(string path)
    {
        HostFileStatus status = _manifest.StatusOf(path);
        return status != HostFileStatus.Read ? status : Place(path) is { } place ? Access(place) : HostFileStatus.Missing;
    }

    private static HostFileStatus Access(string place)
    {
        int fd = Open(place);
        Sys.Close(fd);
        return StatusFor(fd);
    }

    private static HostFileStatus ReadAt(string place, out byte[] content)
    {
        content = [];
        int fd = Open(place);
        if (fd < 0)
        {
            return StatusFor(fd);
        }

        // Files of sysfs and procfs say a size that is not theirs: a configuration space of 4096 bytes, of which an ordinary user gets 64.
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 13);
        try
        {
            int length = 0;
            while (true)
            {
                int read = (int)Sys.Read(fd, buffer.AsSpan(length));
                if (read < 0)
                {
                    return StatusFor(read);
                }

                if (read == 0)
                {
                    content = buffer.AsSpan(0, length).ToArray();
                    return HostFileStatus.Read;
                }

                length += read;
                if (length == buffer.Length)
                {
                    if (length >= MostBytes)
                    {
                        return HostFileStatus.Failed;
                    }

                    byte[] larger = ArrayPool<byte>.Shared.Rent(length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            Sys.Close(fd);
        }
    }

    // Without waiting: a pipe that somebody put there has no writer.
    private static int Open(string place) => Sys.OpenAt(Sys.AtFdCwd, Encoding.UTF8.GetBytes(place + "\0"), Sys.O_RDONLY | Sys.O_CLOEXEC | NonBlocking);

    private static HostFileStatus StatusFor(int result) => result >= 0 ? HostFileStatus.Read : (-result) switch
    {
        Enoent or Enotdir => HostFileStatus.Missing,
        Eacces or Eperm => HostFileStatus.NotPermitted,
        _ => HostFileStatus.Failed,
    };

    private static string? LinkAt(string place)
    {
        try
        {
            return new FileInfo(place).LinkTarget;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Where the file is, its folder's links followed and its own; null where they lead nowhere.
    private string? Place(string path)
    {
        if (_root.Length == 0)
        {
            return path.Length == 0 ? "/" : path;
        }

        if (!_folders.TryGetValue(path, out string? place))
        {
            int links = 0;
            place = Resolve(path, ref links);
            _folders[path] = place;
        }

        return place is null ? null : _root + place;
    }

    private string? Resolve(string path, ref int links)
    {
        string resolved = "";
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == ".")
            {
                continue;
            }

            if (name == "..")
            {
                resolved = resolved.LastIndexOf('/') is > 0 and int slash ? resolved[..slash] : "";
                continue;
            }

            string next = $"{resolved}/{name}";
            if (LinkAt(_root + next) is not { } target)
            {
                resolved = next;
            }
            else if (++links > MostLinks || Resolve(target.StartsWith('/') ? target : $"{resolved}/{target}", ref links) is not { } followed)
            {
                return null;
            }
            else
            {
                resolved = followed;
            }
        }

        return resolved;
    }
}
