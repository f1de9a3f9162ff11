using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Doorbell.Linux.Launch;
using Doorbell.Linux.Native;

namespace Doorbell.Linux;

/// <summary>
/// <c>doorbell launch</c>: started by the supervisor inside the namespaces. Makes the views, installs the filter, starts the client and
/// stays as its reaper, so that nothing of the client outlives the supervisor (T9).
/// </summary>
public static class Launcher
{
    /// <summary>Exit status when doorbell itself, not the client, failed (as env(1) and timeout(1) have it).</summary>
    internal const int OwnFailure = 125;

    private static readonly PosixSignal[] Survived = [PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGHUP, PosixSignal.SIGTERM];

    /// <summary>Runs the launcher.</summary>
    /// <param name="args">One argument: the number of the inherited descriptor of the channel to the supervisor.</param>
    /// <returns>The client's exit status, 128 + n for signal n, or 125 to 127 when it could not be started.</returns>
    public static int Main(IReadOnlyList<string> args)
    {
        if (args.Count != 1 || !int.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out int fd))
        {
            Message.Print("launch is internal: use doorbell run");
            return OwnFailure;
        }

        // The client's program starts from a thread that has the client's own rights.
        Sys.BecomeUndumpable();
        const int SetFdFlags = 2;
        const int CloseOnExec = 1;
        SignalState signals = SignalState.OfThisProcess();
        Sys.Call(Nr.Fcntl, fd, SetFdFlags, CloseOnExec);
        using var channel = new LaunchChannel(fd);
        if (!channel.TryReceive(out LaunchMessage message, out byte[] payload, out _) || message != LaunchMessage.Order)
        {
            return OwnFailure;
        }

        // ^C and hangups reach the client by themselves (it shares the process group); the reaper stays to see how it ends. Handlers,
        // because the client would inherit an ignored signal; what the user had ignored stays so.
        List<PosixSignalRegistration> survive = [];
        foreach (PosixSignal signal in Survived)
        {
            if (!signals.IsIgnored(Number(signal)))
            {
                survive.Add(PosixSignalRegistration.Create(signal, static context => context.Cancel = true));
            }
        }

        Descendants.BecomeSubreaper();
        var start = new ClientStart(LaunchOrder.Decode(payload), signals);
        var thread = new Thread(start.Run) { IsBackground = true, Name = "client's filter" };
        thread.Start();
        Result<PreparedClient> prepared = start.WaitUntilPrepared();
        if (!prepared.IsOk)
        {
            channel.Send(LaunchMessage.Failed, FailurePayload(OwnFailure, prepared.Reason));
            return OwnFailure;
        }

        bool sent = channel.Send(LaunchMessage.Ready, prepared.Value.Encode(), prepared.Value.Descriptors);
        Array.ForEach(prepared.Value.Descriptors, Sys.Close); // a second holder of the listener would make trapped calls wait for ever if the supervisor died
        if (!sent)
        {
            return OwnFailure;
        }

        // Before the client's first trapped call, which waits for ever on a supervisor that is not going to serve.
        new Thread(() => EndWithSupervisor(channel.Fd)) { IsBackground = true, Name = "supervisor's end" }.Start();
        int pid = start.StartClient();
        thread.Join();
        if (pid < 0)
        {
            const int NotFound = 127;
            const int NotExecutable = 126;
            int status = -pid == (int)Errno.ENOENT ? NotFound : NotExecutable;
            channel.Send(LaunchMessage.Failed, FailurePayload(status, $"cannot start {start.Program}: {Marshal.GetPInvokeErrorMessage(-pid)}"));
            return status;
        }

        Span<byte> started = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(started, pid);
        channel.Send(LaunchMessage.Started, started);
        int ended = Reap(pid);
        GC.KeepAlive(survive);
        Sys.ExitNow(ended);
        return ended;
    }

    /// <summary>The signal's number on Linux.</summary>
    internal static int Number(PosixSignal signal) => signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGQUIT => 3,
        PosixSignal.SIGTERM => 15,
        _ => throw new ArgumentOutOfRangeException(nameof(signal)),
    };

    /// <summary>The shell's reading of a wait status.</summary>
    internal static int ExitStatus(int waitStatus) => (waitStatus & 0x7f) == 0 ? (waitStatus >> 8) & 0xff : 128 + (waitStatus & 0x7f);

    /// <summary>Waits until the client and everything it started has ended; gives the client's status.</summary>
    private static int Reap(int client)
    {
        int status = OwnFailure;
        while (true)
        {
            int pid = Sys.Wait(-1, out int word);
            if (pid < 0)
            {
                return status; // ECHILD: nobody is left
            }

            if (pid == client)
            {
                status = ExitStatus(word);
                if (Sys.HasChildren())
                {
                    new Thread(SayWhatIsLeft) { IsBackground = true, Name = "what is left" }.Start();
                }
            }
        }
    }

    /// <summary>A wait that the user did not ask for needs a word.</summary>
    private static void SayWhatIsLeft()
    {
        const int PatienceMilliseconds = 2000;
        Thread.Sleep(PatienceMilliseconds);
        List<int> left = Descendants.Living(new HashSet<int>());
        if (left.Count > 0)
        {
            Message.Print($"the program has ended; waiting for what it left running: {(left.Count == 1 ? "process" : "processes")} {string.Join(", ", left)}");
        }
    }

    /// <summary>Nothing of the client outlives the supervisor (T9), whatever state the client's start is in.</summary>
    private static void EndWithSupervisor(int fd)
    {
        Span<PollFd> poll = [new PollFd(fd, Sys.PollIn)];
        while (Sys.Poll(poll, -1) <= 0)
        {
            // EINTR: a signal that its handler dealt with.
        }

        Descendants.KillAll(new HashSet<int>());
        Sys.ExitNow(OwnFailure);
    }

    private static byte[] FailurePayload(int status, string sentence)
    {
        var payload = new byte[4 + Encoding.UTF8.GetByteCount(sentence)];
        BinaryPrimitives.WriteInt32LittleEndian(payload, status);
        Encoding.UTF8.GetBytes(sentence, payload.AsSpan(4));
        return payload;
    }
}
