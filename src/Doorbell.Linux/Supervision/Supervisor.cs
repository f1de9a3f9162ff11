using System.Buffers.Binary;
using System.Text;
using Doorbell.Linux.Launch;
using Doorbell.Linux.Native;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Seccomp;
using Doorbell.Linux.Tracing;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// One thread that serves a client until it is gone: trapped calls, last closes, the ends of processes, the launcher. It alone calls the
/// machine's control operations, so that those need no lock.
/// </summary>
internal sealed class Supervisor : IDisposable
{
    private const int Fixed = 4;

    private readonly LaunchChannel _channel;
    private readonly IClientHost _host;
    private readonly ITrace? _trace;
    private readonly SeccompListener _listener;
    private readonly FileTable _files;
    private readonly ClientProcesses _processes = new();
    private readonly EventFdWatcher _watcher = new();
    private readonly CallDispatcher _dispatcher;
    private readonly ClientCall _call;
    private readonly ConfigFileWriter _configFiles;
    private readonly Action<int> _onStarted;
    private PollFd[] _poll = new PollFd[Fixed];
    private ProcessMemory[] _polled = [];
    private int _pollVersion = -1;
    private bool _isListening = true;

    /// <param name="channel">To the launcher.</param>
    /// <param name="prepared">What the launcher made; the supervisor owns its descriptors.</param>
    /// <param name="host">What the client finds.</param>
    /// <param name="trace">To be flushed whenever there is nothing to do.</param>
    /// <param name="account">What went wrong, as the run's report has it.</param>
    /// <param name="onStarted">Told the client's pid.</param>
    internal Supervisor(LaunchChannel channel, PreparedClient prepared, IClientHost host, ITrace? trace, RunAccount account, Action<int> onStarted)
    {
        _channel = channel;
        _host = host;
        _trace = trace;
        _onStarted = onStarted;
        _listener = new SeccompListener(prepared.Listener);
        _files = new FileTable(prepared.FilesDirectory, host.Events, host.MappableBytes);
        var nodes = new NodeTable(
            prepared.Nodes, [.. host.View.Entries.Where(static entry => entry.IsAnswered).Select(entry => entry.Path)]);
        _call = new ClientCall(_listener.IsCurrentValid, _files, _processes, host.Events, _watcher);
        account.Vectors = _call.Vectors;
        _configFiles = new ConfigFileWriter(prepared.LiveSys, host.ConfigFiles);
        _dispatcher = new CallDispatcher(_listener, _files, nodes, _call, _configFiles, host, account);
    }

    /// <summary>Status and sentence of a client that could not be started.</summary>
    internal (int Status, string Sentence)? Failure { get; private set; }

    /// <summary>Serves until the launcher has gone, which it does when nothing of the client is left.</summary>
    internal void Serve()
    {
        const int TraceFlushMilliseconds = 200;
        using var watchdog = new CopyWatchdog(_call);
        while (true)
        {
            _trace?.Flush();
            PreparePoll();
            int timeout = _files.Patience;
            if (_trace is not null && (uint)timeout > TraceFlushMilliseconds)
            {
                timeout = TraceFlushMilliseconds;
            }

            int ready = Sys.Poll(_poll, timeout);
            // By the clock too: with calls coming in all the time there is always something else to do.
            if (ready >= 0 && (ready == 0 || _poll[1].Returned != 0 || _files.IsDue))
            {
                _files.Drain();
                _configFiles.Update();
            }

            if (ready <= 0)
            {
                continue; // EINTR, or time to flush
            }

            // Before the calls: a thread that signals and then calls finds the signal acted on, as in the kernel.
            if (_poll[3].Returned != 0)
            {
                _watcher.Drain();
            }

            if ((_poll[0].Returned & Sys.PollIn) != 0)
            {
                // ENOENT and EINTR are ordinary (T2): the caller was killed or interrupted before its call was taken.
                if (_listener.Receive() >= 0)
                {
                    _dispatcher.Handle();
                }
            }
            else if (_poll[0].Returned != 0)
            {
                _isListening = false; // POLLHUP: no thread with the filter is left
                _pollVersion = -1;
            }

            if (_poll[2].Returned != 0 && !TakeMessage())
            {
                return;
            }

            TakeEnds();
        }
    }

    public void Dispose()
    {
        _files.Drain();
        _files.Dispose();
        _processes.Dispose();
        _configFiles.Dispose();
        _watcher.Dispose();
        _listener.Dispose();
    }

    private void PreparePoll()
    {
        if (_pollVersion != _processes.Version)
        {
            _pollVersion = _processes.Version;
            _polled = [.. _processes.Watched];
            _poll = new PollFd[Fixed + _polled.Length];
            _poll[0] = new PollFd(_isListening ? _listener.Fd : -1, Sys.PollIn);
            _poll[1] = new PollFd(_files.InotifyFd, Sys.PollIn);
            _poll[2] = new PollFd(_channel.Fd, Sys.PollIn);
            _poll[3] = new PollFd(_watcher.Fd, Sys.PollIn);
            for (int i = 0; i < _polled.Length; i++)
            {
                _poll[Fixed + i] = new PollFd(_polled[i].Pidfd, Sys.PollIn);
            }
        }
    }

    private void TakeEnds()
    {
        for (int i = 0; i < _polled.Length; i++)
        {
            if (_poll[Fixed + i].Returned != 0 && !_polled[i].HasEnded)
            {
                _processes.Forget(_polled[i]);
            }
        }
    }

    private bool TakeMessage()
    {
        if (!_channel.TryReceive(out LaunchMessage message, out byte[] payload, out _))
        {
            return false;
        }

        int number = BinaryPrimitives.ReadInt32LittleEndian(payload);
        if (message == LaunchMessage.Started)
        {
            _onStarted(number);
            if (_host.Events.IsEnabled)
            {
                _host.Events.Emit(new ClientStarted(number));
            }
        }
        else if (message == LaunchMessage.Failed)
        {
            Failure = (number, Encoding.UTF8.GetString(payload.AsSpan(4)));
        }

        return true;
    }
}
