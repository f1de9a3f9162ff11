namespace Doorbell.Pci;

/// <summary>Device/port type of a PCI Express function (PCIe base 7.5.3.2).</summary>
public enum PciExpressType : byte
{
    /// <summary>An endpoint on a link.</summary>
    Endpoint = 0x0,

    /// <summary>A legacy endpoint on a link.</summary>
    LegacyEndpoint = 0x1,

    /// <summary>A root port.</summary>
    RootPort = 0x4,

    /// <summary>The upstream port of a switch.</summary>
    UpstreamPort = 0x5,

    /// <summary>A downstream port of a switch.</summary>
    DownstreamPort = 0x6,

    /// <summary>A bridge from PCI Express to PCI.</summary>
    PcieToPciBridge = 0x7,

    /// <summary>A bridge from PCI to PCI Express.</summary>
    PciToPcieBridge = 0x8,

    /// <summary>An endpoint integrated in the root complex.</summary>
    RootComplexIntegratedEndpoint = 0x9,

    /// <summary>A root complex event collector.</summary>
    RootComplexEventCollector = 0xa,
}
