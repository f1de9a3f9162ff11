using System.IO.Compression;
using Doorbell.Hosts;

namespace Doorbell.Linux.Hosts;

/// <summary>Reads a capture's tar into memory.</summary>
/// <remarks>What is taken is bounded: in bytes, in entries, by file; packed content by what it unpacks to.</remarks>
internal static class TarHostFiles
{
    /// <summary>Bytes of all that an archive unpacks to: 4,000 functions have 16 MiB of configuration space and, with tar's own blocks, as much again thrice.</summary>
    public const long MostBytes = 256L << 20;

    /// <summary>Bytes of one file.</summary>
    public const int MostFileBytes = 1 << 24;

    /// <summary>Entries.</summary>
    public const int MostEntries = 1 << 18;

    /// <summary>Files, links and directories that come of them: a short name can stand for a hundred directories.</summary>
    public const int MostNodes = 1 << 18;

    /// <summary>Characters of a symbolic link's target (PATH_MAX): forty of them may be walked for one look-up.</summary>
    public const int MostLinkLength = 4096;

    /// <summary>Reads it.</summary>
    /// <param name="name">What a person calls it, for sentences.</param>
    /// <param name="stream">The archive; gzip by its first bytes.</param>
    /// <returns>EINVAL, and a sentence that says what is wrong with the archive.</returns>
    public static Result<IHostFiles> Read(string name, Stream stream)
    {
        var head = new byte[2];
        int read = stream.ReadAtLeast(head, 2, throwOnEndOfStream: false);
        using var whole = new PrefixedStream(head.AsMemory(0, read), stream);
        try
        {
            if (head is not [0x1f, 0x8b])
            {
                return Unpack(name, new LimitedStream(whole, MostBytes));
            }

            using var unpacked = new GZipStream(whole, CompressionMode.Decompress);
            return Unpack(name, new LimitedStream(unpacked, MostBytes));
        }
        catch (InvalidDataException)
        {
            return Result.Fail(Errno.EINVAL, $"{name} is not a capture: its gzip is damaged.");
        }
        catch (IOException failure)
        {
            return Result.Fail(Errno.EIO, $"{name} cannot be read: {failure.Message}");
        }
    }

    private static Result<IHostFiles> Unpack(string name, LimitedStream stream)
    {
        var files = new HostSnapshot(name);
        var archive = new TarStream(stream);
        CaptureManifest manifest = new();
        int entries = 0, taken = 0;
        while (archive.TryNext(out TarEntry entry))
        {
            if (++entries > MostEntries || files.Count > MostNodes)
            {
                return Result.Fail(Errno.EINVAL, $"{name} is refused: it has more than {MostEntries} entries, or more than {MostNodes} files, links and directories come of them.");
            }

            if (CleanPath(entry.Path) is not { } path)
            {
                return Result.Fail(Errno.EINVAL, $"{name} is refused: the entry \"{Shown(entry.Path)}\" leads out of the archive, or is no path.");
            }

            if (entry.Kind == TarEntryKind.File && entry.Size > MostFileBytes)
            {
                return Result.Fail(Errno.EINVAL, $"{name} is refused: {Shown(path)} has {entry.Size} bytes, no file of a capture has more than {MostFileBytes}.");
            }

            // No file system holds such a link (symlink(2): ENOENT, ENAMETOOLONG), and no archive can be written with one.
            if (entry.Kind == TarEntryKind.SymbolicLink && (entry.Link.Length is 0 or > MostLinkLength || entry.Link.Contains('\0', StringComparison.Ordinal)))
            {
                return Result.Fail(Errno.EINVAL, $"{name} is refused: the link {Shown(path)} points at no path: its target is empty, has a NUL in it or more than {MostLinkLength} characters.");
            }

            switch (entry.Kind)
            {
                case TarEntryKind.File when path.Length > 0 && archive.ReadContent((int)entry.Size) is { } content:
                    if (path == "/" + CaptureManifest.FileName)
                    {
                        manifest = CaptureManifest.Read(content);
                    }
                    else
                    {
                        files.AddFile(path, content);
                        taken++;
                    }

                    break;
                case TarEntryKind.SymbolicLink when path.Length > 0:
                    files.AddLink(path, entry.Link);
                    taken++;
                    break;
                case TarEntryKind.HardLink when path.Length > 0 && CleanPath(entry.Link) is { Length: > 0 } target && files.TryRead(target, out byte[] same) == HostFileStatus.Read:
                    files.AddFile(path, same);
                    break;
                case TarEntryKind.Directory when path.Length > 0:
                    files.AddDirectory(path);
                    break;
            }
        }

        if (stream.IsOver)
        {
            return Result.Fail(Errno.EINVAL, $"{name} is refused: it unpacks to more than {MostBytes} bytes.");
        }

        if (archive.Fault is { } fault)
        {
            return Result.Fail(Errno.EINVAL, $"{name} is not a capture: {fault}.");
        }

        if (taken == 0)
        {
            return Result.Fail(Errno.EINVAL, $"{name} is not a capture: it is an archive without files.");
        }

        foreach ((string path, HostFileStatus status) in manifest.Unread)
        {
            // A line stands for as many directories as an entry can.
            if (files.Count > MostNodes)
            {
                return Result.Fail(Errno.EINVAL, $"{name} is refused: with what its {CaptureManifest.FileName} names it has more than {MostNodes} files, links and directories.");
            }

            if (CleanPath(path) is { Length: > 0 } clean)
            {
                files.AddUnreadable(clean, status);
            }
        }

        return Result.Of<IHostFiles>(files);
    }

    // "./sys/devices/x/" is "/sys/devices/x"; null for what names something outside. The archive's root is empty.
    private static string? CleanPath(string path)
    {
        string[] names = [.. path.Split('/').Where(static name => name is not ("" or "."))];
        return path.Length > 4096 || path.Contains('\0', StringComparison.Ordinal) || names.Contains("..") ? null : names.Length == 0 ? "" : "/" + string.Join('/', names);
    }

    private static string Shown(string path) => new([.. path.Take(80).Select(static c => char.IsControl(c) ? '?' : c)]);
}
