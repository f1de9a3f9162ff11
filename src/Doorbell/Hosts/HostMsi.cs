namespace Doorbell.Hosts;

/// <summary>A function's MSI capability (PCI Local Bus 3.0 6.8.1).</summary>
/// <param name="Offset">Where it is in configuration space.</param>
/// <param name="Vectors">How many it can have: 1 to 32.</param>
/// <param name="Is64Bit">It can write above 4 GiB.</param>
/// <param name="HasMask">It masks each vector.</param>
public sealed record HostMsi(int Offset, int Vectors, bool Is64Bit, bool HasMask);
