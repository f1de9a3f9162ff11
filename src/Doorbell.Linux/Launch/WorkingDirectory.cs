using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>
/// The working directory stays where it was when something is mounted over it: below /sys or /dev it would be a way around the view (T10).
/// </summary>
internal static class WorkingDirectory
{
    /// <summary>Moves the calling thread's working directory (the process's, where it shares it) from the real tree to the same path in the view.</summary>
    internal static void EnterView()
    {
        var path = new byte[4097];
        int length = Sys.ReadLink(Sys.AtFdCwd, "/proc/thread-self/cwd\0"u8, path.AsSpan(0, path.Length - 1));
        ReadOnlySpan<byte> there = path.AsSpan(0, Math.Max(length, 0));
        if (!IsBelow(there, "/sys"u8) && !IsBelow(there, "/dev"u8))
        {
            return;
        }

        // As far down as the view goes; the root of the view is always there.
        int end = there.Length;
        while (Change([.. there[..end], 0]) < 0 && end > 1)
        {
            end = Math.Max(there[..end].LastIndexOf((byte)'/'), 1);
        }

        if (end < there.Length)
        {
            Message.Print($"the working directory, {Encoding.UTF8.GetString(there)}, is not in what the program sees: it starts in {Encoding.UTF8.GetString(there[..end])}");
        }
    }

    private static bool IsBelow(ReadOnlySpan<byte> path, ReadOnlySpan<byte> root) =>
        path.StartsWith(root) && (path.Length == root.Length || path[root.Length] == '/');

    private static unsafe int Change(ReadOnlySpan<byte> path)
    {
        fixed (byte* start = path)
        {
            return (int)Sys.Call(Nr.Chdir, (nint)start);
        }
    }
}
