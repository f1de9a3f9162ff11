using Doorbell.Hosts;
using Doorbell.Iommu;

namespace Doorbell.Checks;

/// <summary>The way of a function's MSIs; what is null is not known, or not there.</summary>
public sealed record MsiPath
{
    /// <summary>What its writes carry at the root complex, aliases of bridges applied; null where a bridge above it could not be read.</summary>
    public RequesterId? Requester { get; init; }

    /// <summary>The bridge whose ID they carry instead of its own; null where they carry its own.</summary>
    public PciAddress? AliasOf { get; init; }

    /// <summary>The IOMMU before it.</summary>
    public string? Iommu { get; init; }

    /// <summary>What that IOMMU is: <c>SMMUv3</c>.</summary>
    public string? IommuKind { get; init; }

    /// <summary>What that IOMMU calls it.</summary>
    public uint? StreamId { get; init; }

    /// <summary>True where an IOMMU translates its MSI writes, so that the doorbell needs a mapping (I1).</summary>
    public bool? IsTranslated { get; init; }

    /// <summary>The MSI controller it writes to.</summary>
    public string? Controller { get; init; }

    /// <summary>What that is: <c>GICv3 ITS</c>.</summary>
    public string? ControllerKind { get; init; }

    /// <summary>What that controller calls it.</summary>
    public uint? DeviceId { get; init; }

    /// <summary>True where something looks at who writes (M1, M2).</summary>
    public bool? IsIsolated { get; init; }

    /// <summary>Why <see cref="IsIsolated"/> is what it is: a clause.</summary>
    public string IsolatedBecause { get; init; } = "";

    /// <summary>Where the controller takes the write, a physical address.</summary>
    public ulong? Doorbell { get; init; }

    /// <summary>The window doorbells get their IOVAs from (I9); null where MSIs are not translated.</summary>
    public ReservedRegion? Window { get; init; }

    /// <summary>Doorbell pages the function's domain needs in the window (V2).</summary>
    public int? Pages { get; init; }

    /// <summary>Bytes of such a page.</summary>
    public ulong? PageSize { get; init; }

    /// <summary>Where the way was read.</summary>
    public IReadOnlyList<Evidence> Evidence { get; init; } = [];
}
