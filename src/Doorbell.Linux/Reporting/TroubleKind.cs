namespace Doorbell.Linux.Reporting;

/// <summary>What kind of thing went wrong.</summary>
internal enum TroubleKind
{
    /// <summary>A call was refused.</summary>
    Refusal,

    /// <summary>An interrupt reached nobody.</summary>
    LostInterrupt,

    /// <summary>A device's DMA was stopped or reached nothing.</summary>
    Fault,
}
