namespace Doorbell.Pci;

/// <summary>Extended capability IDs (PCI Code and ID Assignment, section 3).</summary>
public static class PciExtendedCapabilityId
{
    /// <summary>Advanced error reporting.</summary>
    public const ushort AdvancedErrorReporting = 0x0001;

    /// <summary>Access control services.</summary>
    public const ushort AccessControlServices = 0x000d;

    /// <summary>Single root I/O virtualization: this is a physical function.</summary>
    public const ushort SingleRootIoVirtualization = 0x0010;
}
