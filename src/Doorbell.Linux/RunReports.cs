using Doorbell.Linux.Reporting;

namespace Doorbell.Linux;

/// <summary>The reports that a run was asked for (docs/report.md). They are opened before anything else, so that whatever comes is in them.</summary>
public sealed class RunReports
{
    private readonly IReadOnlyList<ReportFile> _files;
    private readonly IReadOnlyList<string> _command;

    private RunReports(IReadOnlyList<ReportFile> files, IReadOnlyList<string> command)
    {
        _files = files;
        _command = command;
    }

    /// <summary>Finds out whether each can be written.</summary>
    /// <param name="names">Files whose names end in .json or .xml.</param>
    /// <param name="command">The program and its arguments.</param>
    /// <returns>EINVAL: a name with another ending; EACCES: a file that cannot be written.</returns>
    public static Result<RunReports> Open(IEnumerable<string> names, IReadOnlyList<string> command)
    {
        List<ReportFile> files = [];
        foreach (string name in names)
        {
            Result<ReportFile> file = ReportFile.Open(name);
            if (!file.IsOk)
            {
                return file.WithoutValue;
            }

            files.Add(file.Value);
        }

        return new RunReports(files, command);
    }

    /// <summary>Reports a run that came to nothing before there was a machine. The sentence is said by the caller.</summary>
    /// <returns><paramref name="status"/>.</returns>
    public int Fail(string sentence, int status)
    {
        var account = new RunAccount(Message.Print) { Error = sentence };
        Write(account, null, status);
        return status;
    }

    /// <summary>Writes them all.</summary>
    internal void Write(RunAccount account, RunOptions? options, int status)
    {
        RunReport report = new()
        {
            Command = _command,
            Machine = options?.Machine.Name,
            Uapi = options?.Uapi switch { null => null, Doorbell.Vfio.VfioUapi.Mainline => "mainline", _ => "reserved-iova-v6" },
            AllowUnsafeInterrupts = options?.AllowUnsafeInterrupts ?? false,
            Started = account.Started,
            Duration = account.Elapsed,
            Status = status,
            Error = account.Error,
            Troubles = account.Troubles,
            Others = account.Others,
            Devices = account.Devices,
            VectorsOf = device => account.Vectors?.OfDevice(device) ?? [],
        };
        foreach (ReportFile file in _files)
        {
            Result written = file.Write(report);
            if (!written.IsOk)
            {
                Message.Print(written.Reason);
            }
        }
    }
}
