using System.Diagnostics.CodeAnalysis;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Opens paths of the client's (O_PATH) whose way is not in the kernel's memory, on a thread of its own: whoever has to be asked there, a file
/// system's server in user space for one, may be the client itself and never answer, and the supervisor has other clients to serve.
/// </summary>
/// <remarks>
/// What is waited for such answers is bounded for the whole run, and not only a call: else a server that answers just in time would make everybody wait for ever.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "Its thread may wait for an answer that never comes: both end with the process.")]
internal sealed class SlowPaths
{
    private const int PatienceMilliseconds = 2000;

    private readonly SemaphoreSlim _asked = new(0);
    private readonly SemaphoreSlim _answered = new(0);
    private readonly byte[] _path = new byte[NodeTable.MaxAbsolutePath];
    private Thread? _thread;
    private int _left = PatienceMilliseconds;
    private int _root;
    private ulong _flags;
    private int _file;

    /// <summary>Opens a path below a root.</summary>
    /// <param name="root">The root's descriptor; closed here, however late.</param>
    /// <param name="path">Ends with a NUL.</param>
    /// <param name="flags">O_PATH among them.</param>
    /// <returns>A descriptor, or a negative errno: EAGAIN where no answer came in time.</returns>
    internal int Open(int root, ReadOnlySpan<byte> path, int flags)
    {
        // Whoever did not answer in time has used it all up, so that the thread is idle while anything is left.
        if (_left <= 0)
        {
            Sys.Close(root);
            return -(int)Errno.EAGAIN;
        }

        (_root, _flags) = (root, (ulong)flags);
        path.CopyTo(_path);
        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "slow paths" };
            _thread.Start();
        }

        long began = Environment.TickCount64;
        _asked.Release();
        if (!_answered.Wait(_left))
        {
            _left = 0;
            return -(int)Errno.EAGAIN;
        }

        _left -= (int)(Environment.TickCount64 - began);
        return _file;
    }

    // Ends with the process: what it waits for may never come.
    private void Run()
    {
        while (true)
        {
            _asked.Wait();
            _file = Sys.OpenAt2(_root, _path, _flags, Sys.ResolveInRoot);
            Sys.Close(_root);
            _answered.Release();
        }
    }
}
