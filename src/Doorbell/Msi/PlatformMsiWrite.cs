namespace Doorbell.Msi;

/// <summary>How a platform device takes a vector's message (irq_write_msi_msg of platform_msi_domain_alloc_irqs): into registers of its own.</summary>
/// <param name="vector">The vector.</param>
/// <param name="message">Its message; default clears it.</param>
public delegate void PlatformMsiWrite(int vector, MsiMessage message);
