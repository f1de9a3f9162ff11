namespace Doorbell.Linux.Reporting;

/// <summary>What a device did in a run.</summary>
/// <param name="Name">Its address, as Linux prints it.</param>
/// <param name="Description">Vendor and device ID, and the class: <c>1234:db02 class 010802</c>.</param>
/// <param name="Group">Its IOMMU group; null where it has none.</param>
/// <param name="Driver">Who drives it: vfio-pci, another, or null for nobody.</param>
/// <param name="BytesRead">Bytes it read of memory.</param>
/// <param name="BytesWritten">Bytes it wrote to memory.</param>
internal sealed record DeviceAccount(string Name, string Description, int? Group, string? Driver, long BytesRead, long BytesWritten);
