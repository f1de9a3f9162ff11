namespace Doorbell.Pci;

/// <summary>Where a device keeps its MSI-X structures (PCIe base 7.7.2).</summary>
/// <param name="Vectors">1 to 2048.</param>
/// <param name="TableBar">BAR of the table.</param>
/// <param name="TableOffset">Bytes into it, 8-aligned.</param>
/// <param name="PbaBar">BAR of the pending bits.</param>
/// <param name="PbaOffset">Bytes into it, 8-aligned.</param>
public readonly record struct MsiXDescription(int Vectors, int TableBar, uint TableOffset, int PbaBar, uint PbaOffset);
