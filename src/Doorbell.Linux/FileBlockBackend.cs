using Doorbell.Devices;
using Microsoft.Win32.SafeHandles;

namespace Doorbell.Linux;

/// <summary>A disk in a file. The file is locked (flock) while it is open, so that two devices cannot write one image.</summary>
public sealed class FileBlockBackend : IBlockBackend, IDisposable
{
    private const int Unit = 512;

    private readonly SafeFileHandle _handle;

    private FileBlockBackend(SafeFileHandle handle, ulong length)
    {
        _handle = handle;
        Length = length;
    }

    /// <inheritdoc/>
    public ulong Length { get; }

    /// <summary>Opens a disk image for reading and writing.</summary>
    /// <param name="path">An existing regular file, not empty, of a multiple of 512 bytes.</param>
    /// <returns>A sentence that names the file, and ENOENT, EACCES, EBUSY (another process has it), EINVAL (its size, or no regular file) or EIO.</returns>
    public static Result<IBlockBackend> Open(string path)
    {
        SafeFileHandle handle;
        try
        {
            if (!File.Exists(path))
            {
                return Directory.Exists(path)
                    ? Result.Fail(Errno.EINVAL, $"the disk image {path} is a directory.")
                    : Result.Fail(Errno.ENOENT, $"the disk image {path} does not exist; `truncate -s 64M {path}` makes an empty one.");
            }

            handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException)
        {
            return Result.Fail(Errno.EACCES, $"the disk image {path} may not be read and written by this user.");
        }
        catch (IOException failure)
        {
            // .NET takes the lock that FileShare.None means with flock; EWOULDBLOCK arrives here as an IOException.
            return Result.Fail(Errno.EBUSY, $"the disk image {path} cannot be opened for this device alone: {failure.Message}");
        }

        long length;
        try
        {
            length = RandomAccess.GetLength(handle);
        }
        catch (Exception failure) when (failure is IOException or NotSupportedException)
        {
            handle.Dispose();
            return Result.Fail(Errno.EINVAL, $"the disk image {path} is no regular file: {failure.Message}");
        }

        if (length == 0 || length % Unit != 0)
        {
            handle.Dispose();
            return Result.Fail(Errno.EINVAL, $"the disk image {path} has {length} bytes; a disk has a multiple of {Unit}, and more than none.");
        }

        return new FileBlockBackend(handle, (ulong)length);
    }

    /// <inheritdoc/>
    public bool Read(ulong offset, Span<byte> destination)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int count = RandomAccess.Read(_handle, destination, (long)offset);
                if (count == 0)
                {
                    // Somebody has cut the file.
                    return false;
                }

                destination = destination[count..];
                offset += (ulong)count;
            }

            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public bool Write(ulong offset, ReadOnlySpan<byte> source)
    {
        try
        {
            RandomAccess.Write(_handle, source, (long)offset);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public bool Flush()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
