namespace Doorbell.Vfio;

/// <summary>IRQ indexes of a vfio-pci device (linux/vfio.h).</summary>
public static class VfioIrqIndex
{
    /// <summary>VFIO_PCI_INTX_IRQ_INDEX.</summary>
    public const uint Intx = 0;

    /// <summary>VFIO_PCI_MSI_IRQ_INDEX.</summary>
    public const uint Msi = 1;

    /// <summary>VFIO_PCI_MSIX_IRQ_INDEX.</summary>
    public const uint MsiX = 2;

    /// <summary>VFIO_PCI_ERR_IRQ_INDEX.</summary>
    public const uint Error = 3;

    /// <summary>VFIO_PCI_REQ_IRQ_INDEX.</summary>
    public const uint Request = 4;

    /// <summary>VFIO_PCI_NUM_IRQS.</summary>
    public const uint Count = 5;
}

/// <summary>Region indexes of a vfio-pci device (linux/vfio.h); 0 to 5 are the BARs.</summary>
public static class VfioRegionIndex
{
    /// <summary>VFIO_PCI_ROM_REGION_INDEX.</summary>
    public const uint Rom = 6;

    /// <summary>VFIO_PCI_CONFIG_REGION_INDEX.</summary>
    public const uint Config = 7;

    /// <summary>VFIO_PCI_VGA_REGION_INDEX.</summary>
    public const uint Vga = 8;

    /// <summary>VFIO_PCI_NUM_REGIONS.</summary>
    public const uint Count = 9;
}
