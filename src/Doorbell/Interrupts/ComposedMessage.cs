namespace Doorbell.Interrupts;

/// <summary>The write that raises an interrupt, as its controller sees it: before any IOMMU has a say (M4).</summary>
/// <param name="Doorbell">Physical address of the doorbell register.</param>
/// <param name="Data">What must be written there (an EventID, an SPI).</param>
public readonly record struct ComposedMessage(PhysicalAddress Doorbell, uint Data);
