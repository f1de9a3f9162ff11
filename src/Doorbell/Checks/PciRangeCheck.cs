using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>Buses of a PCI host whose functions meet the same IOMMU and MSI controller, of a source that lists no functions (a directory of ACPI tables).</summary>
/// <param name="Host">The PCI host.</param>
/// <param name="FirstBus">First bus.</param>
/// <param name="LastBus">Last bus.</param>
/// <param name="Path">The way of MSIs from there.</param>
public sealed record PciRangeCheck(FirmwarePciHost Host, int FirstBus, int LastBus, MsiPath Path);
