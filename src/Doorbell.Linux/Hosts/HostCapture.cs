using System.Formats.Tar;
using System.IO.Compression;
using Doorbell.Hosts;

namespace Doorbell.Linux.Hosts;

/// <summary>Writes a capture: a tar of every file of a host that counts, masked (docs/capture.md), with a list of what could not be read.</summary>
public static class HostCapture
{
    /// <summary>Writes it.</summary>
    /// <param name="files">The host.</param>
    /// <param name="output">Where to; left open.</param>
    /// <param name="compress">gzip.</param>
    /// <returns>What is in it and what is not; EIO where <paramref name="output"/> cannot be written.</returns>
    public static Result<HostCaptureSummary> Write(IHostFiles files, Stream output, bool compress)
    {
        try
        {
            if (!compress)
            {
                return WriteTar(files, output);
            }

            using var packed = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
            return WriteTar(files, packed);
        }
        catch (IOException failure)
        {
            return Result.Fail(Errno.EIO, $"the capture cannot be written: {failure.Message}");
        }
    }

    private static HostCaptureSummary WriteTar(IHostFiles files, Stream output)
    {
        using var archive = new TarWriter(output, TarEntryFormat.Gnu, leaveOpen: true);
        var manifest = new CaptureManifest();
        int written = 0;
        foreach (HostInventoryItem item in HostInventory.Of(files))
        {
            HostFileStatus status = item.Kind switch
            {
                HostInventoryKind.Link => WriteLink(archive, files, item.Path),
                HostInventoryKind.Directory => WriteDirectory(archive, files, item.Path),
                _ => WriteFile(archive, files, item.Path),
            };
            written += status == HostFileStatus.Read && item.Kind != HostInventoryKind.Directory ? 1 : 0;
            if (status is HostFileStatus.NotPermitted or HostFileStatus.Failed && manifest.StatusOf(item.Path) == HostFileStatus.Read)
            {
                manifest.Add(item.Path, status);
            }
        }

        WriteContent(archive, "/" + CaptureManifest.FileName, manifest.Write());
        return new HostCaptureSummary(written, manifest.Unread);
    }

    private static HostFileStatus WriteLink(TarWriter archive, IHostFiles files, string path)
    {
        if (files.ReadLink(path) is not { } target)
        {
            return HostFileStatus.Missing;
        }

        // What a link can say on no file system, no archive can hold.
        if (target.Length == 0 || target.Contains('\0', StringComparison.Ordinal))
        {
            return HostFileStatus.Failed;
        }

        archive.WriteEntry(new GnuTarEntry(TarEntryType.SymbolicLink, path[1..]) { LinkName = target, ModificationTime = DateTimeOffset.UnixEpoch });
        return HostFileStatus.Read;
    }

    private static HostFileStatus WriteDirectory(TarWriter archive, IHostFiles files, string path)
    {
        HostFileStatus status = files.StatusOf(path);
        if (status == HostFileStatus.Read)
        {
            const UnixFileMode Everyone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            archive.WriteEntry(new GnuTarEntry(TarEntryType.Directory, path[1..] + "/") { Mode = Everyone, ModificationTime = DateTimeOffset.UnixEpoch });
        }

        return status;
    }

    private static HostFileStatus WriteFile(TarWriter archive, IHostFiles files, string path)
    {
        HostFileStatus status = files.TryRead(path, out byte[] content);
        if (status != HostFileStatus.Read)
        {
            return status;
        }

        if (HostMask.Apply(path, content) is not { } masked)
        {
            return HostFileStatus.Failed;
        }

        WriteContent(archive, path, masked);
        return HostFileStatus.Read;
    }

    private static void WriteContent(TarWriter archive, string path, byte[] content)
    {
        using var data = new MemoryStream(content, writable: false);
        archive.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, path[1..]) { DataStream = data, ModificationTime = DateTimeOffset.UnixEpoch });
    }
}
