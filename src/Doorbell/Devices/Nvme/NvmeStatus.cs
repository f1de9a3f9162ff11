namespace Doorbell.Devices;

/// <summary>Status codes (NVMe 1.4, 4.6.1): code in bits 7:0, type in 10:8, more in 13, do not retry in 14.</summary>
internal enum NvmeStatus : ushort
{
    DoNotRetry = 1 << 14,

    /// <summary>The error log has more about it.</summary>
    More = 1 << 13,

    // Type 0, generic.
    Success = 0x000,
    InvalidOpcode = 0x001 | DoNotRetry,
    InvalidField = 0x002 | DoNotRetry,
    DataTransferError = 0x004,
    AbortRequested = 0x007,
    InvalidNamespace = 0x00b | DoNotRetry,
    CommandSequenceError = 0x00c | DoNotRetry,
    PrpOffsetInvalid = 0x013 | DoNotRetry,
    NamespaceWriteProtected = 0x020 | DoNotRetry,
    LbaOutOfRange = 0x080 | DoNotRetry,
    CapacityExceeded = 0x081 | DoNotRetry,

    // Type 1, command specific.
    CompletionQueueInvalid = 0x100 | DoNotRetry,
    InvalidQueueIdentifier = 0x101 | DoNotRetry,
    InvalidQueueSize = 0x102 | DoNotRetry,
    AsyncEventLimitExceeded = 0x105 | DoNotRetry,
    InvalidInterruptVector = 0x108 | DoNotRetry,
    InvalidLogPage = 0x109 | DoNotRetry,
    InvalidQueueDeletion = 0x10c | DoNotRetry,
    FeatureNotSaveable = 0x10d | DoNotRetry,
    FeatureNotNamespaceSpecific = 0x10f | DoNotRetry,

    // Type 2, media.
    WriteFault = 0x280,
    UnrecoveredReadError = 0x281,
    CompareFailure = 0x285 | DoNotRetry,

    /// <summary>Not on the wire: the command stays outstanding and completes later.</summary>
    Held = 0xffff,
}
