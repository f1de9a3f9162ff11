using System.Runtime.InteropServices;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// The supervisor outlives signals that are meant for the client: ^C and ^\ reach the client by the terminal, since it shares the process
/// group; a request to end or a hangup is passed on.
/// </summary>
internal sealed class SignalForwarding : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _lock = new();
    private int _pidfd = -1;
    private int _pending;

    internal SignalForwarding(SignalState signals)
    {
        Register(signals, PosixSignal.SIGINT, forward: false);
        Register(signals, PosixSignal.SIGQUIT, forward: false);
        Register(signals, PosixSignal.SIGTERM, forward: true);
        Register(signals, PosixSignal.SIGHUP, forward: true);
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

    private void Register(SignalState signals, PosixSignal signal, bool forward)
    {
        int number = Launcher.Number(signal);
        if (!signals.IsIgnored(number)) // nohup's stays ignored, in the client too
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (forward)
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
}
