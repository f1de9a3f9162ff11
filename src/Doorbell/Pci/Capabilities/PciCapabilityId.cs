namespace Doorbell.Pci;

/// <summary>Capability IDs (PCI Code and ID Assignment, section 2).</summary>
public static class PciCapabilityId
{
    /// <summary>Power management.</summary>
    public const byte PowerManagement = 0x01;

    /// <summary>MSI.</summary>
    public const byte Msi = 0x05;

    /// <summary>Vendor specific.</summary>
    public const byte VendorSpecific = 0x09;

    /// <summary>Bridge subsystem vendor and ID.</summary>
    public const byte BridgeSubsystem = 0x0d;

    /// <summary>PCI Express.</summary>
    public const byte PciExpress = 0x10;

    /// <summary>MSI-X.</summary>
    public const byte MsiX = 0x11;
}
