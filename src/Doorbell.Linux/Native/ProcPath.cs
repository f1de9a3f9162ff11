using System.Buffers.Text;

namespace Doorbell.Linux.Native;

/// <summary>Paths below /proc written into a caller's buffer, NUL at the end, without allocating.</summary>
internal static class ProcPath
{
    /// <summary>Room for every path written here.</summary>
    internal const int Size = 64;

    /// <summary><c>/proc/TASK/WHAT</c>.</summary>
    internal static ReadOnlySpan<byte> Of(Span<byte> buffer, int task, ReadOnlySpan<byte> what)
    {
        int length = Begin(buffer, task);
        what.CopyTo(buffer[length..]);
        length += what.Length;
        buffer[length] = 0;
        return buffer[..(length + 1)];
    }

    /// <summary><c>/proc/TASK/fd/FD</c>.</summary>
    internal static ReadOnlySpan<byte> OfFd(Span<byte> buffer, int task, int fd)
    {
        int length = Begin(buffer, task);
        "fd/"u8.CopyTo(buffer[length..]);
        length += 3;
        return End(buffer, length, fd);
    }

    /// <summary><c>fd/FD</c>, within <c>/proc/TASK</c>.</summary>
    internal static ReadOnlySpan<byte> OfFdWithin(Span<byte> buffer, int fd)
    {
        "fd/"u8.CopyTo(buffer);
        return End(buffer, 3, fd);
    }

    /// <summary><c>/proc/self/fd/FD</c>.</summary>
    internal static ReadOnlySpan<byte> OfOwnFd(Span<byte> buffer, int fd)
    {
        "/proc/self/fd/"u8.CopyTo(buffer);
        return End(buffer, 14, fd);
    }

    private static int Begin(Span<byte> buffer, int task)
    {
        "/proc/"u8.CopyTo(buffer);
        Utf8Formatter.TryFormat(task, buffer[6..], out int digits);
        buffer[6 + digits] = (byte)'/';
        return 7 + digits;
    }

    private static ReadOnlySpan<byte> End(Span<byte> buffer, int length, int number)
    {
        Utf8Formatter.TryFormat(number, buffer[length..], out int digits);
        length += digits;
        buffer[length] = 0;
        return buffer[..(length + 1)];
    }
}
