namespace Doorbell.Pci;

/// <summary>Why a function kept a transaction to itself.</summary>
public enum PciRefusal
{
    /// <summary>The command register's bus master bit is clear: no DMA and no MSI (PCIe base 7.5.1.1.3).</summary>
    BusMasterDisabled,

    /// <summary>The function is not in D0 (PCI PM 1.2, 5.4.1).</summary>
    NotInD0,

    /// <summary>The function is not connected to a machine.</summary>
    NotConnected,

    /// <summary>Neither MSI nor MSI-X is enabled.</summary>
    NoMessageEnabled,

    /// <summary>The vector is beyond those the function has, or (MSI) was given.</summary>
    VectorNotEnabled,
}
