namespace Doorbell.Devices;

/// <summary>Controller registers in BAR 0 (NVMe 1.4, 3.1).</summary>
internal static class NvmeRegisters
{
    /// <summary>CAP, low half.</summary>
    public const ulong CapabilitiesLow = 0x00;

    /// <summary>CAP, high half.</summary>
    public const ulong CapabilitiesHigh = 0x04;

    /// <summary>VS.</summary>
    public const ulong Version = 0x08;

    /// <summary>INTMS.</summary>
    public const ulong InterruptMaskSet = 0x0c;

    /// <summary>INTMC.</summary>
    public const ulong InterruptMaskClear = 0x10;

    /// <summary>CC.</summary>
    public const ulong Configuration = 0x14;

    /// <summary>CSTS.</summary>
    public const ulong Status = 0x1c;

    /// <summary>AQA.</summary>
    public const ulong AdminQueueAttributes = 0x24;

    /// <summary>ASQ, low half.</summary>
    public const ulong AdminSubmissionLow = 0x28;

    /// <summary>ASQ, high half.</summary>
    public const ulong AdminSubmissionHigh = 0x2c;

    /// <summary>ACQ, low half.</summary>
    public const ulong AdminCompletionLow = 0x30;

    /// <summary>ACQ, high half.</summary>
    public const ulong AdminCompletionHigh = 0x34;

    /// <summary>The first doorbell; CAP.DSTRD is 0, so they follow every four bytes.</summary>
    public const ulong Doorbells = 0x1000;

    /// <summary>Value of VS: 1.4.0.</summary>
    public const uint Version14 = 0x0001_0400;

    /// <summary>In CC: EN.</summary>
    public const uint Enable = 1;

    /// <summary>In CC: SHN, a shutdown is asked for when it is not zero.</summary>
    public const uint ShutdownNotification = 3 << 14;

    /// <summary>In CSTS: RDY.</summary>
    public const uint Ready = 1 << 0;

    /// <summary>In CSTS: CFS, the controller cannot go on.</summary>
    public const uint Fatal = 1 << 1;

    /// <summary>In CSTS: SHST, all of it.</summary>
    public const uint ShutdownStatus = 3 << 2;

    /// <summary>In CSTS: SHST, shutdown complete.</summary>
    public const uint ShutdownComplete = 2 << 2;
}
