using Doorbell.Linux.Native;
using Doorbell.Linux.Seccomp;

namespace Doorbell.Linux.Launch;

/// <summary>
/// The one thread that carries the client's filter, namespace and capabilities, all of which belong to a thread: the client, started from
/// it, inherits them; the rest of the launcher stays as it was.
/// </summary>
internal sealed class ClientStart(LaunchOrder order, SignalState signals) : IDisposable
{
    private readonly ManualResetEventSlim _prepared = new();
    private readonly ManualResetEventSlim _go = new();
    private readonly ManualResetEventSlim _started = new();
    private Result<PreparedClient> _outcome;
    private int _pid;

    /// <summary>The program asked for.</summary>
    internal string Program => System.Text.Encoding.UTF8.GetString(order.Command[0]);

    /// <summary>The thread's body.</summary>
    internal void Run()
    {
        _outcome = Prepare();
        _prepared.Set();
        if (_outcome.IsOk)
        {
            _go.Wait();
            _pid = Spawn.Start(order.Command, order.Environment, signals);
            _started.Set();
        }
    }

    /// <summary>Waits until views and filter stand.</summary>
    internal Result<PreparedClient> WaitUntilPrepared()
    {
        _prepared.Wait();
        return _outcome;
    }

    /// <summary>Starts the client. From here on the thread's own calls may be trapped too: the supervisor must be serving.</summary>
    /// <returns>The pid, or a negative errno.</returns>
    internal int StartClient()
    {
        _go.Set();
        _started.Wait();
        return _pid;
    }

    public void Dispose()
    {
        _prepared.Dispose();
        _go.Dispose();
        _started.Dispose();
    }

    private Result<PreparedClient> Prepare()
    {
        const int NewMountNamespace = 0x0002_0000;
        if (order.UnshareMounts)
        {
            int failed = (int)Sys.Call(Nr.Unshare, NewMountNamespace);
            if (failed < 0)
            {
                return Result.Fail((Errno)(-failed), $"unshare(CLONE_NEWNS) failed with {(Errno)(-failed)}: mount namespaces are forbidden here");
            }
        }

        Result<int> files = Mounts.CreateTmpfs(order.FileRoom);
        if (!files.IsOk)
        {
            return files.WithoutValue;
        }

        var mounter = new ViewMounter(order.View);
        Result<List<FileIdentity>> nodes = mounter.Mount();
        if (!nodes.IsOk)
        {
            return nodes.WithoutValue;
        }

        WorkingDirectory.EnterView();
        if (order.DropCapabilities)
        {
            Result dropped = Privileges.DropAll();
            if (!dropped.IsOk)
            {
                return dropped;
            }
        }

        Privileges.SetFileLimit(order.FileLimit);
        Result<int> listener = SeccompFilter.Install(FilterProgram.Build(FilterArchitecture.Native));
        return listener.IsOk
            ? new PreparedClient(listener.Value, files.Value, mounter.LiveSys, nodes.Value, mounter.Missing)
            : listener.WithoutValue;
    }
}
