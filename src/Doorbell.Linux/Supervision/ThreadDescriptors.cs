using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Which files the client's descriptors lead to, asked of /proc/TID/fd. The folders of the threads that called last are kept open, which saves
/// the way to them, a part of what a trapped call costs. Nothing that is found there is kept: it may be another the next moment.
/// </summary>
/// <remarks>
/// An open folder stays that of its thread: once the thread is gone it is empty, whoever has the number then. It is /proc/TID and not the fd in
/// it, whose rights the kernel brings up to date when it is looked up by name: an undumpable client is told so by every call (T11).
/// </remarks>
internal sealed class ThreadDescriptors : IDisposable
{
    private const int Places = 32; // a power of two; threads of one process have numbers side by side

    private readonly (int Tid, int Folder)[] _folders = new (int, int)[Places];

    internal ThreadDescriptors() => Array.Fill(_folders, (0, -1));

    /// <summary>Identifies the file behind a descriptor. Allocates nothing.</summary>
    /// <returns>0, or a negative errno: ENOENT when the thread has no such descriptor, EACCES when it may not be looked at.</returns>
    internal int Identify(int tid, int fd, out FileIdentity identity)
    {
        Span<byte> path = stackalloc byte[ProcPath.Size];
        ref (int Tid, int Folder) place = ref _folders[tid & (Places - 1)];
        if (place.Tid == tid && Sys.Stat(place.Folder, ProcPath.OfFdWithin(path, fd), Sys.AtStatxDontSync, out identity) >= 0)
        {
            return 0;
        }

        // Another thread's place; or the number is another thread's by now; or it may be looked at since a moment ago.
        Sys.Close(place.Folder);
        int folder = Sys.OpenAt(Sys.AtFdCwd, ProcPath.Of(path, tid, ""u8), Sys.O_PATH | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
        place = folder < 0 ? (0, -1) : (tid, folder);
        return Sys.Stat(Sys.AtFdCwd, ProcPath.OfFd(path, tid, fd), Sys.AtStatxDontSync, out identity);
    }

    public void Dispose()
    {
        foreach ((_, int folder) in _folders)
        {
            Sys.Close(folder);
        }

        Array.Fill(_folders, (0, -1));
    }
}
