namespace Doorbell.Hosts;

/// <summary>What an MSI controller is, which decides whether it looks at who writes (M2).</summary>
public enum FirmwareMsiKind
{
    /// <summary>GICv3 or GICv4 ITS: by DeviceID.</summary>
    Its,

    /// <summary>GICv2m frame: does not look.</summary>
    GicV2m,

    /// <summary>A GICv3 distributor's message-based SPIs (MBI): does not look.</summary>
    Mbi,

    /// <summary>A controller of an SoC's own: does not look unless its errata row says so.</summary>
    Other,
}
