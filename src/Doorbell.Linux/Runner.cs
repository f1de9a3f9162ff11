using System.Buffers.Binary;
using System.Text;
using Doorbell.Events;
using Doorbell.Linux.Launch;
using Doorbell.Linux.Native;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Tracing;
using Doorbell.Linux.Vfio;

namespace Doorbell.Linux;

/// <summary><c>doorbell run</c>: offers a machine's devices to a program and stays until the program has ended.</summary>
public static class Runner
{
    /// <summary>The status of a wrong command line.</summary>
    private const int WrongUsage = 2;

    private static Beginning? s_beginning;

    /// <summary>
    /// Starts what <see cref="Run(RunOptions)"/> will need anyway, so that it gets ready while the command line and the machine are read. Should
    /// it not come to a run, it ends with this process.
    /// </summary>
    public static void Prepare() => s_beginning ??= Beginning.Begin();

    /// <summary>Runs a program against a machine, to its end.</summary>
    /// <returns>The program's exit status, 128 + n where signal n ended it, 126 or 127 where it could not be started, 125 where doorbell itself failed, 2 where the machine or its devices were asked for wrongly.</returns>
    public static int Run(RunOptions options) => Run(options, events => MachineHost.Create(options, events));

    /// <summary>Runs a client against a host that is built while the launcher starts.</summary>
    internal static int Run(RunOptions options, Func<EventStream, Result<IClientHost>> createHost)
    {
        Beginning beginning = s_beginning ?? Beginning.Begin();
        s_beginning = null;
        using var speaker = new Speaker(Message.Print);
        var account = new RunAccount(speaker.Say);
        int status = Run(options, createHost, beginning, account);
        account.TellCounts();
        options.Reports?.Write(account, options, status);
        return status;
    }

    private static int Run(RunOptions options, Func<EventStream, Result<IClientHost>> createHost, Beginning beginning, RunAccount account)
    {
        var events = new EventStream();
        events.SubscribeToTrouble(account.Take);
        if (!beginning.Launcher.IsOk)
        {
            account.Fail(beginning.Launcher.Reason);
            return Launcher.OwnFailure;
        }

        using LauncherProcess launcher = beginning.Launcher.Value;
        using var forwarding = new SignalForwarding(beginning.Signals);
        TraceFiles? trace = null;
        try
        {
            Result<TraceFiles?> traces = TraceFiles.Open(options.TraceFiles, events, account);
            if (!traces.IsOk)
            {
                account.Fail(traces.Reason);
                return Launcher.OwnFailure;
            }

            trace = traces.Value;
            Result<IClientHost> host = createHost(events);
            if (!host.IsOk)
            {
                // EINVAL: what was asked for makes no sense (an option of a device, a machine that does not fit together), as any wrong command line.
                account.Fail(host.Reason);
                return host.Errno == Errno.EINVAL ? WrongUsage : Launcher.OwnFailure;
            }

            using IClientHost clientHost = host.Value;
            account.Names = clientHost.Names;
            int status;
            try
            {
                status = Serve(options, beginning, clientHost, launcher, forwarding, trace, account);
            }
            finally
            {
                account.Devices = clientHost.Devices;
            }

            if (events.IsEnabled)
            {
                events.Emit(new ClientEnded(status, clientHost.IsIdle));
            }

            if (!clientHost.IsIdle)
            {
                Message.Print("this is a bug in doorbell: the client is gone, and something it had open, mapped or armed is still there (V7)");
                return Launcher.OwnFailure;
            }

            return status;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // What the system refused is a sentence; the rest is a bug, whose place is wanted.
            account.Fail(failure is IOException ? failure.Message : $"this is a bug in doorbell: {failure}");
            return Launcher.OwnFailure;
        }
        finally
        {
            // Whatever went wrong above: nothing of the client stays (T9).
            launcher.HangUp();
            if (Sys.HasChildren())
            {
                Descendants.KillAll(beginning.OtherChildren); // the reaper ended before its children did, so they are ours
            }

            trace?.Dispose();
        }
    }

    private static int Serve(
        RunOptions options, Beginning beginning, IClientHost host, LauncherProcess launcher, SignalForwarding forwarding, ITrace? trace, RunAccount account)
    {
        var order = new LaunchOrder
        {
            UnshareMounts = !launcher.HasUserNamespace,
            DropCapabilities = launcher.HasUserNamespace,
            FileLimit = FileLimitOf(beginning),
            FileRoom = FileTable.RoomBesides(host.MappableBytes),
            Environment = beginning.Environment.Block,
            Command = CommandLine.Program(options.Command),
            View = host.View,
        };
        if (!launcher.Channel.Send(LaunchMessage.Order, order.Encode())
            || !launcher.Channel.TryReceive(out LaunchMessage message, out byte[] payload, out int[] fds))
        {
            launcher.Wait();
            account.Fail(launcher.HasUserNamespace ? UserNamespaces.ExplainFailure() : "the launcher ended before the client was started");
            return Launcher.OwnFailure;
        }

        if (message != LaunchMessage.Ready)
        {
            launcher.Wait();
            account.Fail(Encoding.UTF8.GetString(payload.AsSpan(4)));
            return BinaryPrimitives.ReadInt32LittleEndian(payload);
        }

        if (Executable.FindSetUid(options.Command[0]) is { } program)
        {
            Message.Print($"{program} is set-uid or set-gid, which no_new_privs turns off: it runs with the rights of whoever called it (T11)");
        }

        Supervisor? supervisor = null;
        try
        {
            PreparedClient prepared = PreparedClient.Decode(payload, fds);
            TellMissing(prepared, host.Events);
            supervisor = new Supervisor(launcher.Channel, prepared, host, trace, account, forwarding.SetClient);
            supervisor.Serve();
            if (supervisor.Failure is (int status, string sentence))
            {
                launcher.Wait();
                account.Fail(sentence);
                return status;
            }

            return launcher.Wait();
        }
        finally
        {
            // A listener that stayed open would leave the client waiting for an answer to its first trapped call.
            if (supervisor is not null)
            {
                supervisor.Dispose();
            }
            else
            {
                Array.ForEach(fds, Sys.Close);
            }
        }
    }

    /// <summary>The user's own soft limit of open files: as the script has it, or from before the runtime or this program raised it.</summary>
    private static ulong FileLimitOf(Beginning beginning)
    {
        ulong said = beginning.Environment.FileLimit;
        ulong found = said != 0 ? said : Privileges.FileLimitAtStart();
        return found != 0 ? found : beginning.FileLimit;
    }

    private static void TellMissing(PreparedClient prepared, EventStream events)
    {
        if (events.IsEnabled)
        {
            foreach (string missing in prepared.Missing)
            {
                events.Emit(new ViewIncomplete(missing));
            }
        }
    }
}
