using Doorbell.Hosts;

namespace Doorbell.Checks.Guests;

/// <summary>Addresses that PCI bridges take for devices: a request to one of them can be turned to another device before any IOMMU sees it.</summary>
/// <param name="Range">Which.</param>
/// <param name="Name">What a person calls it: <c>bridge 0000:00:05.0</c>, <c>PCI Bus 0000:00</c>.</param>
/// <param name="Evidence">Where it was read.</param>
public sealed record HostWindow(GuestRange Range, string Name, Evidence Evidence);
