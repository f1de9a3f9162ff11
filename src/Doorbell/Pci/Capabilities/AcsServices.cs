namespace Doorbell.Pci;

/// <summary>Access control services, one bit each in the capability and the control register (PCIe base 7.7.8.2).</summary>
[Flags]
public enum AcsServices : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>SV: requester IDs are checked.</summary>
    SourceValidation = 1 << 0,

    /// <summary>TB: translated requests are blocked.</summary>
    TranslationBlocking = 1 << 1,

    /// <summary>RR: peer-to-peer requests go up to the root.</summary>
    RequestRedirect = 1 << 2,

    /// <summary>CR: peer-to-peer completions go up to the root.</summary>
    CompletionRedirect = 1 << 3,

    /// <summary>UF: requests from below go up.</summary>
    UpstreamForwarding = 1 << 4,

    /// <summary>EC: an egress control vector.</summary>
    EgressControl = 1 << 5,

    /// <summary>DT: direct translated peer to peer.</summary>
    DirectTranslated = 1 << 6,

    /// <summary>What isolation needs (Linux, REQ_ACS_FLAGS).</summary>
    Isolation = SourceValidation | RequestRedirect | CompletionRedirect | UpstreamForwarding,
}
