using System.Globalization;
using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>The launcher as the supervisor holds it: a child at the other end of a channel.</summary>
internal sealed class LauncherProcess : IDisposable
{
    // A diagnostic socket of the runtime would stay in the temporary folder: the launcher ends without the runtime's leave, or is killed.
    private static ReadOnlySpan<byte> NoDiagnostics => "DOTNET_EnableDiagnostics=0\0"u8;

    private readonly int _pid;
    private int? _status;

    private LauncherProcess(int pid, LaunchChannel channel, bool hasUserNamespace)
    {
        _pid = pid;
        Channel = channel;
        HasUserNamespace = hasUserNamespace;
    }

    internal LaunchChannel Channel { get; }

    /// <summary>It was started inside a user namespace of its own, since this process may not mount.</summary>
    internal bool HasUserNamespace { get; }

    /// <summary>After <see cref="Wait"/>: a signal ended it.</summary>
    internal bool WasKilled { get; private set; }

    /// <summary>Starts this very program again as <c>launch</c>, with util-linux's unshare before it where privileges are missing (T10).</summary>
    internal static Result<LauncherProcess> Start(SignalState signals, ReadOnlySpan<byte> environment)
    {
        Result<(int Supervisor, int Launcher)> pair = LaunchChannel.CreatePair();
        if (!pair.IsOk)
        {
            return pair.WithoutValue;
        }

        bool privileged = Privileges.HaveSysAdmin();
        List<string> command = privileged
            ? []
            : ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--propagation", "private", "--"];
        command.AddRange(OwnCommand());
        command.Add("launch");
        command.Add(pair.Value.Launcher.ToString(CultureInfo.InvariantCulture));
        int pid = Spawn.Start([.. command.Select(Encoding.UTF8.GetBytes)], [.. environment, .. NoDiagnostics], signals, pair.Value.Launcher);
        Sys.Close(pair.Value.Launcher);
        var channel = new LaunchChannel(pair.Value.Supervisor);
        if (pid < 0)
        {
            channel.Dispose();
            return Result.Fail((Errno)(-pid), -pid == (int)Errno.ENOENT && !privileged
                ? "unshare(1) is missing, which makes the client's user namespace: install util-linux, or run doorbell as root"
                : $"cannot start {command[0]}: {(Errno)(-pid)}");
        }

        return new LauncherProcess(pid, channel, !privileged);
    }

    /// <summary>Waits for its end; the client's exit status.</summary>
    internal int Wait()
    {
        if (_status is null)
        {
            int result = Sys.Wait(_pid, out int word);
            WasKilled = result > 0 && (word & 0x7f) != 0;
            _status = result > 0 ? Launcher.ExitStatus(word) : Launcher.OwnFailure;
        }

        return _status.Value;
    }

    /// <summary>Tells it to end, and waits.</summary>
    internal void HangUp()
    {
        Channel.Dispose();
        Wait();
    }

    public void Dispose() => Channel.Dispose();

    private static IEnumerable<string> OwnCommand()
    {
        string self = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no executable");
        yield return self;
        if (Path.GetFileNameWithoutExtension(self) == "dotnet")
        {
            yield return Environment.GetCommandLineArgs()[0]; // `dotnet Doorbell.Cli.dll`
        }
    }
}
