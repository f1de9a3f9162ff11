namespace Doorbell.Linux.Native;

/// <summary>
/// The last descriptors below this process's limit (RLIMIT_NOFILE), which what clients make it hold does not get: it needs some to look at files and processes,
/// and the runtime, which ends the process when it cannot load what it needs, some of its own.
/// </summary>
internal static unsafe class DescriptorReserve
{
    private const int Wanted = 32;

    // The lowest free number is what a new descriptor gets: a high one says how few are left.
    private static readonly ulong _first = FindFirst();

    /// <summary>A new descriptor that is to be kept for a client, or EMFILE (and it is closed) where it is one of the last. An errno stays one.</summary>
    internal static int Spare(int fd)
    {
        if (fd < 0 || (ulong)fd < _first)
        {
            return fd;
        }

        Sys.Close(fd);
        return -(int)Errno.EMFILE;
    }

    private static ulong FindFirst()
    {
        const int NoFile = 7; // RLIMIT_NOFILE
        ulong* limit = stackalloc ulong[2];
        return Sys.Call(Nr.Prlimit64, 0, NoFile, 0, (nint)limit) < 0 ? ulong.MaxValue : limit[0] - Math.Min(Wanted, limit[0] / 4);
    }
}
