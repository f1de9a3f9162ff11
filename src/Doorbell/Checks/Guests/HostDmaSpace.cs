using Doorbell.Hosts;

namespace Doorbell.Checks.Guests;

/// <summary>What a guest's memory meets on a host, of one group of devices: which IOVAs it may have.</summary>
public sealed record HostDmaSpace
{
    // AMD I/O Virtualization Technology, 2.1.4.2.
    private const ulong HyperTransport = 0xfd_0000_0000;

    /// <summary>What VFIO keeps from the user.</summary>
    public IReadOnlyList<HostReserved> Reserved { get; init; } = [];

    /// <summary>The last IOVA the IOMMU translates.</summary>
    public ulong LastIova { get; init; } = ulong.MaxValue;

    /// <summary>Where <see cref="LastIova"/> was read; null where nothing says it, and then it is the last of 64 bits.</summary>
    public Evidence? LastIovaEvidence { get; init; }

    /// <summary>Windows of bridges and PCI hosts near the device; empty where access control sends requests up to the root.</summary>
    public IReadOnlyList<HostWindow> Windows { get; init; } = [];

    /// <summary>True where AMD's HyperTransport range is kept free, which is so on AMD hosts.</summary>
    public bool HasHyperTransport
    {
        get
        {
            foreach (HostReserved reserved in Reserved)
            {
                if (reserved.Range.First <= HyperTransport && reserved.Range.Last >= HyperTransport)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>All that VFIO_IOMMU_MAP_DMA refuses, in the order of the addresses.</summary>
    internal GuestRange[] Forbidden
    {
        get
        {
            List<GuestRange> ranges = [.. Reserved.Select(static reserved => reserved.Range)];
            if (LastIova != ulong.MaxValue)
            {
                ranges.Add(new GuestRange(LastIova + 1, ulong.MaxValue));
            }

            return [.. ranges.OrderBy(static range => range.First)];
        }
    }
}
