namespace Doorbell.Linux.Supervision;

/// <summary>Which system call of a client is being answered.</summary>
internal enum CallKind
{
    /// <summary>One that concerns no emulated file, or is not known yet.</summary>
    None,

    /// <summary>open(2) and its like, of a node.</summary>
    Open,

    /// <summary>ioctl(2).</summary>
    Ioctl,

    /// <summary>pread(2), preadv(2).</summary>
    Read,

    /// <summary>pwrite(2), pwritev(2).</summary>
    Write,

    /// <summary>mmap(2).</summary>
    Map,
}
