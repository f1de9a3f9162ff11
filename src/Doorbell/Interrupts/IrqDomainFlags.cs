namespace Doorbell.Interrupts;

/// <summary>What is true of one level of the interrupt hierarchy (IRQ_DOMAIN_FLAG_*).</summary>
[Flags]
public enum IrqDomainFlags
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>A device's MSIs can raise only its own interrupts here and below (IRQ_DOMAIN_FLAG_ISOLATED_MSI, M1).</summary>
    IsolatedMsi = 1 << 0,

    /// <summary>An MSI controller: MSI domains may stand on it (IRQ_DOMAIN_FLAG_MSI_PARENT).</summary>
    MsiParent = 1 << 1,

    /// <summary>The level that writes messages into devices (IRQ_DOMAIN_FLAG_MSI).</summary>
    Msi = 1 << 2,
}
