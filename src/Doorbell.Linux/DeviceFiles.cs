using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux;

/// <summary>Files that devices and machines are made from.</summary>
public static class DeviceFiles
{
    private const int Most = 1 << 26;

    /// <summary>Reads a whole file of at most 64 MiB. What has no length of its own (a pipe, a device) is read to its end, and no further than that.</summary>
    /// <returns>A sentence that names the file, and ENOENT, EACCES, EINVAL (too large) or EIO.</returns>
    public static Result<byte[]> Read(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                return Result.Fail(Errno.ENOENT, $"the file {path} does not exist.");
            }

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return ReadAll(file) is { } bytes ? bytes : Result.Fail(Errno.EINVAL, $"the file {path} is too large: expected at most {Most} bytes.");
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

    /// <summary>True for a file that is neither a folder nor a pipe, socket or device: reading it waits for nobody.</summary>
    public static bool IsRegular(string path) => Sys.IsRegular(Encoding.UTF8.GetBytes(path + "\0"));

    private static byte[]? ReadAll(FileStream file)
    {
        var bytes = new MemoryStream();
        byte[] part = new byte[1 << 16];
        for (int read = file.Read(part); read > 0; read = file.Read(part))
        {
            if (bytes.Length + read > Most)
            {
                return null;
            }

            bytes.Write(part, 0, read);
        }

        return bytes.ToArray();
    }
}
