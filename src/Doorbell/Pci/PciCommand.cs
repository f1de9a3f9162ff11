namespace Doorbell.Pci;

/// <summary>The command register (PCIe base 7.5.1.1.3).</summary>
[Flags]
public enum PciCommand : ushort
{
    /// <summary>Nothing: the value after reset.</summary>
    None = 0,

    /// <summary>I/O BARs decode.</summary>
    IoSpace = 1 << 0,

    /// <summary>Memory BARs decode.</summary>
    MemorySpace = 1 << 1,

    /// <summary>The function may issue DMA and MSIs.</summary>
    BusMaster = 1 << 2,

    /// <summary>Parity errors are answered.</summary>
    ParityErrorResponse = 1 << 6,

    /// <summary>SERR# is driven.</summary>
    SystemErrorEnable = 1 << 8,

    /// <summary>INTx is not asserted.</summary>
    InterruptDisable = 1 << 10,
}
