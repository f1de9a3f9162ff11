namespace Doorbell.Msi;

/// <summary>What an MSI domain can do (M1).</summary>
[Flags]
public enum MsiDomainFlags
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>Several PCI MSI vectors a device (MSI_FLAG_MULTI_PCI_MSI).</summary>
    MultiPciMsi = 1 << 0,

    /// <summary>MSI-X (MSI_FLAG_PCI_MSIX).</summary>
    PciMsiX = 1 << 1,

    /// <summary>MSI-X vectors may be added after the first allocation (MSI_FLAG_PCI_MSIX_ALLOC_DYN).</summary>
    DynamicMsiX = 1 << 2,

    /// <summary>The controller translates by requester (MSI_FLAG_IRQ_REMAPPING, M1); mainline: IRQ_DOMAIN_FLAG_ISOLATED_MSI on the hierarchy.</summary>
    IrqRemapping = 1 << 3,
}
