namespace Doorbell.Pci;

/// <summary>What a bridge is.</summary>
public sealed record PciBridgeDescription
{
    /// <summary>PCI-to-PCI bridge: class 06, subclass 04.</summary>
    public const uint ClassCode = 0x060400;

    /// <summary>Vendor ID.</summary>
    public required ushort VendorId { get; init; }

    /// <summary>Device ID.</summary>
    public required ushort DeviceId { get; init; }

    /// <summary>Root port, switch port or PCI Express to PCI; null for a conventional bridge.</summary>
    public PciExpressType? Type { get; init; } = PciExpressType.RootPort;

    /// <summary>ACS services the port has, switched on; none leaves the capability out.</summary>
    public AcsServices Acs { get; init; } = AcsServices.Isolation;
}
