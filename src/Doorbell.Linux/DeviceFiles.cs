namespace Doorbell.Linux;

/// <summary>Files that devices are made from.</summary>
public static class DeviceFiles
{
    private const long Most = 1 << 26;

    /// <summary>Reads a whole file of at most 64 MiB.</summary>
    /// <returns>A sentence that names the file, and ENOENT, EACCES, EINVAL (too large) or EIO.</returns>
    public static Result<byte[]> Read(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                return Result.Fail(Errno.ENOENT, $"the file {path} does not exist.");
            }

            return new FileInfo(path).Length <= Most
                ? File.ReadAllBytes(path)
                : Result.Fail(Errno.EINVAL, $"the file {path} is too large to describe a device: expected at most {Most} bytes.");
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
}
