namespace Doorbell.Hosts;

/// <summary>A PCI function of a host, as sysfs (or a machine's description) shows it.</summary>
public sealed record HostFunction
{
    /// <summary>Its address, domain included.</summary>
    public required PciAddress Address { get; init; }

    /// <summary>Where it was read: its directory.</summary>
    public required Evidence Evidence { get; init; }

    /// <summary>Vendor ID.</summary>
    public ushort VendorId { get; init; }

    /// <summary>Device ID.</summary>
    public ushort DeviceId { get; init; }

    /// <summary>Class code, 24 bits: base class, subclass, programming interface.</summary>
    public uint ClassCode { get; init; }

    /// <summary>What could be read of its configuration space: 64 bytes without root, 256 or 4096 with; empty where nothing could.</summary>
    public ReadOnlyMemory<byte> Config { get; init; }

    /// <summary>The driver it is bound to; null where none, see <see cref="DriverKnown"/>.</summary>
    public string? Driver { get; init; }

    /// <summary>False where the source does not say what driver it has.</summary>
    public bool DriverKnown { get; init; }

    /// <summary>Number of its IOMMU group; null where it has none or <see cref="HostFacts.Groups"/> is null.</summary>
    public int? Group { get; init; }

    /// <summary>Why it has no group, where the source says that it has none and why; null otherwise.</summary>
    public string? NoGroupReason { get; init; }

    /// <summary>The IOMMU the kernel put before it, by its name in <c>/sys/class/iommu</c> (the function's link <c>iommu</c>); null where none, or not known.</summary>
    public string? Iommu { get; init; }

    /// <summary>Its BARs' and (of a bridge) windows' addresses: the sysfs file <c>resource</c>, a line each.</summary>
    public IReadOnlyList<HostResource> Resources { get; init; } = [];

    /// <summary>Names of reset methods, in the order the kernel tries them (<c>reset_method</c>); null where not known.</summary>
    public IReadOnlyList<string>? ResetMethods { get; init; }

    /// <summary>NUMA node; -1 where none, null where not known.</summary>
    public int? NumaNode { get; init; }

    /// <summary>The bridge it is behind; null on a root bus.</summary>
    public PciAddress? Parent { get; init; }

    /// <summary>Type 1 header: a bridge.</summary>
    public bool IsBridge => ClassCode >> 16 == 0x06 || (Config.Length > 0x0e && (Config.Span[0x0e] & 0x7f) == 1);
}
