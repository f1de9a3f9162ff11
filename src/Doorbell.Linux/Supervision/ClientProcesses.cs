using System.Globalization;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>The client processes whose memory or descriptors are in use.</summary>
internal sealed class ClientProcesses : IDisposable
{
    private readonly Dictionary<int, ProcessMemory> _processes = [];

    /// <summary>Those watched for their end.</summary>
    internal IReadOnlyCollection<ProcessMemory> Watched => _processes.Values;

    /// <summary>Counts changes of <see cref="Watched"/>.</summary>
    internal int Version { get; private set; }

    /// <summary>The process a thread belongs to (T8); null when it is gone or out of reach, or (EMFILE, ENFILE) there is no descriptor to reach it by.</summary>
    internal ProcessMemory? OfThread(int tid, out Errno failure)
    {
        int pid = ThreadGroup(tid, out failure);
        if (pid == 0)
        {
            return null;
        }

        if (_processes.TryGetValue(pid, out ProcessMemory? process))
        {
            if (!IsEnded(process) && !process.IsGone)
            {
                process.Caller = tid;
                return process;
            }

            Forget(process);
        }

        process = ProcessMemory.Open(pid, tid, out failure);
        if (process is not null)
        {
            _processes.Add(pid, process);
            Version++;
        }

        return process;
    }

    /// <summary>The process has ended, or has become another program.</summary>
    internal void Forget(ProcessMemory process)
    {
        _processes.Remove(process.Pid);
        process.End();
        Version++;
    }

    public void Dispose()
    {
        foreach (ProcessMemory process in _processes.Values)
        {
            process.End();
        }

        _processes.Clear();
    }

    private static bool IsEnded(ProcessMemory process)
    {
        Span<PollFd> poll = [new PollFd(process.Pidfd, Sys.PollIn)];
        return Sys.Poll(poll, 0) > 0;
    }

    private static int ThreadGroup(int tid, out Errno failure)
    {
        failure = Errno.None;
        try
        {
            foreach (string line in File.ReadLines($"/proc/{tid}/status"))
            {
                if (line.StartsWith("Tgid:", StringComparison.Ordinal))
                {
                    return int.Parse(line.AsSpan(5).Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
                }
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The thread ended; or the number is the errno, as .NET has it for what it knows no exception for.
            failure = gone.HResult is (int)Errno.EMFILE or (int)Errno.ENFILE ? (Errno)gone.HResult : Errno.ESRCH;
        }

        return 0;
    }
}
