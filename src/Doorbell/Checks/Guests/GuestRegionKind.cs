namespace Doorbell.Checks.Guests;

/// <summary>What lies at a place of a guest that is not RAM.</summary>
public enum GuestRegionKind
{
    /// <summary>Registers of emulated devices.</summary>
    Mmio,

    /// <summary>PCI configuration space.</summary>
    Ecam,

    /// <summary>Firmware or its flash.</summary>
    Firmware,

    /// <summary>BARs of the guest's PCI devices. A passed-through device's lie here, and a monitor maps them for DMA between devices.</summary>
    Pci,

    /// <summary>Where the guest's devices write MSIs.</summary>
    Msi,
}
