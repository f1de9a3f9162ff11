using System.Runtime.InteropServices;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// The supervisor outlives signals that are meant for the client: a request to end or a hangup is passed on. So are SIGINT and SIGQUIT,
/// except while the process group is the terminal's foreground group: then ^C and ^\ have reached the client by the terminal.
/// </summary>
internal sealed class SignalForwarding : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _lock = new();
    private int _pidfd = -1;
    private int _pending;

    internal SignalForwarding(SignalState signals)
    {
        Register(signals, PosixSignal.SIGINT, fromTerminal: true);
        Register(signals, PosixSignal.SIGQUIT, fromTerminal: true);
        Register(signals, PosixSignal.SIGTERM, fromTerminal: false);
        Register(signals, PosixSignal.SIGHUP, fromTerminal: false);
    }

    /// <summary>The client runs; what came before now is passed on.</summary>
    internal void SetClient(int pid)
    {
        lock (_lock)
        {
            _pidfd = Sys.PidfdOpen(pid);
            if (_pidfd >= 0 && _pending != 0)
            {
                Sys.PidfdSendSignal(_pidfd, _pending);
            }
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        Sys.Close(_pidfd);
    }

    private void Register(SignalState signals, PosixSignal signal, bool fromTerminal)
    {
        int number = Launcher.Number(signal);
        if (!signals.IsIgnored(number)) // nohup's stays ignored, in the client too
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (!fromTerminal || !IsInForeground())
                {
                    Forward(number);
                }
            }));
        }
    }

    private void Forward(int signal)
    {
        lock (_lock)
        {
            if (_pidfd >= 0)
            {
                Sys.PidfdSendSignal(_pidfd, signal);
            }
            else
            {
                _pending = signal;
            }
        }
    }

    /// <summary>This process's group is the one its terminal's keys send signals to.</summary>
    private static bool IsInForeground()
    {
        // pid (name) state ppid pgrp session tty_nr tpgid, proc(5); tpgid is -1 without a terminal.
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ', 7);
        return fields[2] == fields[5];
    }
}
