namespace Doorbell.Pci;

/// <summary>What a base address register decodes (PCIe base 7.5.1.2.1).</summary>
public enum PciBarKind
{
    /// <summary>Memory below 4 GiB; one register.</summary>
    Memory32,

    /// <summary>Memory anywhere; two registers.</summary>
    Memory64,

    /// <summary>I/O ports; one register.</summary>
    Io,
}
