namespace Doorbell.Msi;

/// <summary>How a device sends messages (M9).</summary>
public enum MsiKind
{
    /// <summary>PCI MSI: one address, consecutive data.</summary>
    Msi,

    /// <summary>PCI MSI-X: a message a table entry.</summary>
    MsiX,

    /// <summary>Platform MSI: the device's own write_msg.</summary>
    Platform,
}
