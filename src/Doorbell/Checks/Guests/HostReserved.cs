using Doorbell.Hosts;
using Doorbell.Iommu;

namespace Doorbell.Checks.Guests;

/// <summary>IOVAs that a host's kernel or hardware keeps from a group's user (I9).</summary>
/// <param name="Range">Which.</param>
/// <param name="Type">Why.</param>
/// <param name="Evidence">Where it was read; null where the architecture says so.</param>
public sealed record HostReserved(GuestRange Range, ReservedRegionType Type, Evidence? Evidence);
