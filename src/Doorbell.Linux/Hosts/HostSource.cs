using Doorbell.Hosts;

namespace Doorbell.Linux.Hosts;

/// <summary>A Linux host's files, from wherever they are.</summary>
public static class HostSource
{
    /// <summary>Opens a host by what the path is: a directory with a host's tree below it, the <c>boot</c> directory of a recorded board, or a capture (tar, gzip or not).</summary>
    /// <param name="path">Null for the machine this runs on.</param>
    /// <returns>ENOENT, EACCES, EINVAL (no capture, or one that is refused) or EIO, with a sentence.</returns>
    public static Result<IHostFiles> Open(string? path)
    {
        if (path is null)
        {
            return Result.Of<IHostFiles>(TreeHostFiles.Live());
        }

        if (Directory.Exists(path))
        {
            return BoardHostFiles.IsBoard(path) ? BoardHostFiles.Read(path)
                : IsTree(path) ? Result.Of<IHostFiles>(TreeHostFiles.Of(path))
                : Result.Fail(Errno.EINVAL, $"{path} is no host: expected sys and proc in it, as a capture unpacks to.");
        }

        try
        {
            if (!File.Exists(path))
            {
                return Result.Fail(Errno.ENOENT, $"the file {path} does not exist.");
            }

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return TarHostFiles.Read(path, file);
        }
        catch (UnauthorizedAccessException)
        {
            return Result.Fail(Errno.EACCES, $"the file {path} may not be read by this user.");
        }
        catch (IOException failure)
        {
            return Result.Fail(Errno.EIO, $"the file {path} cannot be read: {failure.Message}");
        }
    }

    /// <summary>Whether a path looks like something <see cref="Open"/> opens: by a file's first bytes, not by its name.</summary>
    public static bool IsHost(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                return BoardHostFiles.IsBoard(path) || IsTree(path);
            }

            if (!DeviceFiles.IsRegular(path))
            {
                return false; // what is read of a pipe is gone
            }

            byte[] head = new byte[512];
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            int read = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            return head is [0x1f, 0x8b, ..] || (read == head.Length && head.AsSpan(257, 5).SequenceEqual("ustar"u8));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsTree(string folder) => Directory.Exists(Path.Combine(folder, "sys")) || Directory.Exists(Path.Combine(folder, "proc"));
}
