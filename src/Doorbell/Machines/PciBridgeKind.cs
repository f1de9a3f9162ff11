namespace Doorbell.Machines;

/// <summary>What a described bridge is.</summary>
public enum PciBridgeKind
{
    /// <summary>A root port: below it is one link.</summary>
    RootPort,

    /// <summary>The upstream port of a switch: below it is the switch's inner bus, with downstream ports only.</summary>
    UpstreamPort,

    /// <summary>A downstream port of a switch: below it is one link.</summary>
    DownstreamPort,

    /// <summary>PCI Express to conventional PCI: what is below it arrives as function 0 of device 0 of its secondary bus (PCI Express to PCI bridges 1.0, 2.3).</summary>
    PcieToPci,

    /// <summary>Conventional PCI to conventional PCI: what is below it arrives as the bridge itself (Linux, pci_for_each_dma_alias).</summary>
    Conventional,
}
