using Doorbell.Devices;
using Doorbell.Linux.Native;
using Microsoft.Win32.SafeHandles;

namespace Doorbell.Linux;

/// <summary>
/// A disk in a file. The file is locked (flock) while it is open: alone for writing, so that two devices cannot write one image, together
/// with other readers for reading.
/// </summary>
public sealed class FileBlockBackend : IBlockBackend, IDisposable
{
    private const int Unit = 512;
    private const int ZerosAtOnce = 1 << 20;

    // fallocate(2): linux/falloc.h.
    private const int KeepSize = 0x01;
    private const int PunchHole = 0x02;
    private const int ZeroRange = 0x10;

    private static byte[]? s_zeros;

    private readonly SafeFileHandle _handle;
    private int _file;
    private nint _mapping;

    private FileBlockBackend(SafeFileHandle handle, ulong length, bool isReadOnly)
    {
        _handle = handle;
        _file = (int)handle.DangerousGetHandle();
        Length = length;
        IsReadOnly = isReadOnly;
        _mapping = Sys.MapForReading(_file, length); // without one (a file system that maps no files) everything is read
    }

    /// <inheritdoc/>
    public ulong Length { get; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <summary>Opens a disk image.</summary>
    /// <param name="path">An existing regular file, not empty, of a multiple of 512 bytes.</param>
    /// <param name="readOnly">It is only read; others may read it as well.</param>
    /// <returns>A sentence that names the file, and ENOENT, EACCES, EBUSY (another process has it), EINVAL (its size, or no regular file) or EIO.</returns>
    public static Result<IBlockBackend> Open(string path, bool readOnly = false)
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

            handle = File.OpenHandle(path, FileMode.Open, readOnly ? FileAccess.Read : FileAccess.ReadWrite, readOnly ? FileShare.Read : FileShare.None);
        }
        catch (UnauthorizedAccessException)
        {
            return Result.Fail(Errno.EACCES, readOnly
                ? $"the disk image {path} may not be read by this user."
                : $"the disk image {path} may not be read and written by this user; readonly=yes only reads it.");
        }
        catch (IOException failure)
        {
            // .NET takes the lock that FileShare means with flock; EWOULDBLOCK arrives here as an IOException.
            return Result.Fail(Errno.EBUSY, $"the disk image {path} cannot be opened for this device{(readOnly ? "" : " alone")}: {failure.Message}");
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

        return new FileBlockBackend(handle, (ulong)length, readOnly);
    }

    /// <inheritdoc/>
    public BlockStatus Read(ulong offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            nint count = Sys.PRead(_file, destination, (long)offset);
            if (count == 0)
            {
                return BlockStatus.Failed; // somebody has cut the file
            }

            if (count > 0)
            {
                destination = destination[(int)count..];
                offset += (ulong)count;
            }
            else if (count != -(int)Errno.EINTR)
            {
                return BlockStatus.Failed;
            }
        }

        return BlockStatus.Done;
    }

    /// <inheritdoc/>
    public bool TryGetBytes(ulong offset, int length, out KernelBytes bytes)
    {
        bytes = new KernelBytes(_mapping + (nint)offset, length);
        return _mapping != 0;
    }

    /// <inheritdoc/>
    public BlockStatus Write(ulong offset, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            nint count = Sys.PWrite(_file, source, (long)offset);
            if (count >= 0)
            {
                source = source[(int)count..];
                offset += (ulong)count;
            }
            else if (count != -(int)Errno.EINTR)
            {
                return Translate(count);
            }
        }

        return BlockStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>The file system does it (ext4, XFS, Btrfs, tmpfs); only one that cannot is written to, which takes as long as the range is.</remarks>
    public BlockStatus WriteZeroes(ulong offset, ulong length, bool deallocate)
    {
        BlockStatus status = Allocate(deallocate ? PunchHole : ZeroRange, offset, length);
        if (status == BlockStatus.Unsupported && !deallocate)
        {
            // tmpfs has no ZERO_RANGE.
            status = Allocate(PunchHole, offset, length);
        }

        if (status == BlockStatus.Unsupported)
        {
            status = BlockStatus.Done;
            for (ulong done = 0; done < length && status == BlockStatus.Done; done += ZerosAtOnce)
            {
                status = Write(offset + done, (s_zeros ??= new byte[ZerosAtOnce]).AsSpan(0, (int)Math.Min(ZerosAtOnce, length - done)));
            }
        }

        return status;
    }

    /// <inheritdoc/>
    public BlockStatus Discard(ulong offset, ulong length) => Allocate(PunchHole, offset, length);

    /// <inheritdoc/>
    public BlockStatus Flush()
    {
        nint result;
        do
        {
            result = Sys.Fsync(_file);
        }
        while (result == -(int)Errno.EINTR);

        return Translate(result);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file = -1; // the number may soon be another file's
        if (_mapping != 0)
        {
            Sys.Unmap(_mapping, Length);
            _mapping = 0;
        }

        _handle.Dispose();
    }

    private BlockStatus Allocate(int mode, ulong offset, ulong length)
    {
        if (length == 0)
        {
            return BlockStatus.Done; // fallocate calls it EINVAL
        }

        nint result;
        do
        {
            result = Sys.Fallocate(_file, mode | KeepSize, offset, length);
        }
        while (result == -(int)Errno.EINTR);

        return Translate(result);
    }

    private static BlockStatus Translate(nint result) => result >= 0 ? BlockStatus.Done : (Errno)(-result) switch
    {
        Errno.ENOSPC or Errno.EFBIG or Errno.EDQUOT => BlockStatus.NoSpace,
        Errno.EOPNOTSUPP or Errno.ENOSYS => BlockStatus.Unsupported,
        _ => BlockStatus.Failed,
    };
}
