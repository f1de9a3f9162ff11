namespace Doorbell.Devices;

/// <summary>What came of an operation on a disk's bytes.</summary>
public enum BlockStatus
{
    /// <summary>Done.</summary>
    Done,

    /// <summary>The medium failed: nothing is known of the range.</summary>
    Failed,

    /// <summary>No room for what was written (ENOSPC, EDQUOT, EFBIG of a file).</summary>
    NoSpace,

    /// <summary>This medium cannot do it; nothing was changed.</summary>
    Unsupported,
}
