namespace Doorbell.Hosts;

/// <summary>A line of <c>/proc/iomem</c>.</summary>
/// <param name="Start">First address.</param>
/// <param name="Last">Last address, inclusive.</param>
/// <param name="Name">What is there: <c>System RAM</c>, <c>PCI Bus 0000:00</c>.</param>
/// <param name="Depth">0 for the outermost.</param>
public readonly record struct HostIoMemory(ulong Start, ulong Last, string Name, int Depth);
