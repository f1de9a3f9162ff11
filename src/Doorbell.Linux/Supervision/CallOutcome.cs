namespace Doorbell.Linux.Supervision;

/// <summary>What the client's call comes back with.</summary>
internal readonly struct CallOutcome
{
    private CallOutcome(long value, int errno, ClientFile? file, bool closeOnExec, bool isPassed, string? reason = null)
    {
        Reason = reason;
        Value = value;
        Errno = errno;
        File = file;
        CloseOnExec = closeOnExec;
        IsPassed = isPassed;
    }

    /// <summary>The call's return value when nothing failed.</summary>
    internal long Value { get; }

    /// <summary>A positive errno, or 0. A number, since the kernel's own answers pass through here too.</summary>
    internal int Errno { get; }

    /// <summary>Why it failed, where whoever refused it said so.</summary>
    internal string? Reason { get; }

    /// <summary>A file to give to the client; its descriptor is the return value.</summary>
    internal ClientFile? File { get; }

    /// <summary>Whether that descriptor closes at exec.</summary>
    internal bool CloseOnExec { get; }

    /// <summary>Not ours: the kernel carries the call out.</summary>
    internal bool IsPassed { get; }

    internal static CallOutcome Pass => new(0, 0, null, false, true);

    internal static CallOutcome Of(long value) => new(value, 0, null, false, false);

    internal static CallOutcome Fail(Errno errno, string? reason = null) => new(0, (int)errno, null, false, false, reason);

    internal static CallOutcome Fail(int errno) => new(0, errno, null, false, false);

    internal static CallOutcome Open(ClientFile file, bool closeOnExec) => new(0, 0, file, closeOnExec, false);
}
