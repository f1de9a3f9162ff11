using Doorbell.Iommu;

namespace Doorbell.Checks.Guests;

/// <summary>Puts a guest's memory beside what a host keeps for itself (N5, I9).</summary>
public static class GuestCheck
{
    /// <summary>Compares and looks for the smallest change.</summary>
    public static GuestReport Check(Guest guest, HostDmaSpace host)
    {
        Guest placed = guest.Beside(host);
        List<GuestCollision> collisions = Collisions(placed, host);
        bool fits = !collisions.Exists(static collision => collision.IsFatal);
        return new GuestReport(placed, collisions, fits ? null : GuestChangeSearch.Find(placed, host));
    }

    /// <summary>What of the guest meets what of the host; fatal ones first, then in the order of the guest's addresses.</summary>
    public static List<GuestCollision> Collisions(Guest guest, HostDmaSpace host)
    {
        List<GuestCollision> found = [];
        foreach (GuestRange ram in guest.Ranges)
        {
            foreach (HostReserved reserved in host.Reserved)
            {
                if (ram.Overlaps(reserved.Range))
                {
                    GuestRange part = ram.Intersect(reserved.Range);
                    found.Add(new(
                        GuestCollisionKind.Reserved, part, reserved.Range, $"guest RAM {part} lies in {NameOf(reserved)} {reserved.Range}: VFIO_IOMMU_MAP_DMA of it fails with EINVAL (N5)", reserved.Evidence));
                }
            }

            if (ram.Last > host.LastIova)
            {
                GuestRange beyond = new(Math.Max(ram.First, host.LastIova + 1), ram.Last);
                found.Add(new(
                    GuestCollisionKind.Aperture,
                    beyond,
                    new GuestRange(host.LastIova + 1, ulong.MaxValue),
                    $"guest RAM {beyond} lies past 0x{host.LastIova:x}, the last address the IOMMU translates: VFIO_IOMMU_MAP_DMA of it fails with EINVAL (I9)",
                    host.LastIovaEvidence));
            }

            foreach (HostWindow window in host.Windows)
            {
                if (ram.Overlaps(window.Range))
                {
                    GuestRange part = ram.Intersect(window.Range);
                    found.Add(new(
                        GuestCollisionKind.BridgeWindow,
                        part,
                        window.Range,
                        $"guest RAM {part} has addresses that {window.Name} takes ({window.Range}): it can be mapped, and a bridge can turn a device's DMA there to another device before the IOMMU sees it, unless access control sends it up (I9)",
                        window.Evidence));
                }
            }
        }

        GuestWindows(guest, host, found);
        return [.. found.OrderBy(static collision => collision.IsFatal ? 0 : 1).ThenBy(static collision => collision.Guest.First)];
    }

    private static void GuestWindows(Guest guest, HostDmaSpace host, List<GuestCollision> found)
    {
        foreach (GuestRegion region in guest.Regions)
        {
            if (region.Kind != GuestRegionKind.Pci)
            {
                continue;
            }

            foreach (HostReserved reserved in host.Reserved)
            {
                if (region.Range.Overlaps(reserved.Range))
                {
                    GuestRange part = region.Range.Intersect(reserved.Range);
                    found.Add(new(
                        GuestCollisionKind.GuestWindow,
                        part,
                        reserved.Range,
                        $"the guest's {region.Name} has {part} of {NameOf(reserved)} {reserved.Range}: a BAR there cannot be mapped for DMA between devices; RAM is not touched (N5)",
                        reserved.Evidence));
                }
            }

            if (region.Range.Last > host.LastIova)
            {
                GuestRange beyond = new(Math.Max(region.Range.First, host.LastIova + 1), region.Range.Last);
                found.Add(new(
                    GuestCollisionKind.GuestWindow,
                    beyond,
                    new GuestRange(host.LastIova + 1, ulong.MaxValue),
                    $"the guest's {region.Name} reaches past 0x{host.LastIova:x}, the last address the IOMMU translates: a BAR there cannot be mapped for DMA between devices; RAM is not touched (I9)",
                    host.LastIovaEvidence));
            }
        }
    }

    /// <summary>What a person calls it.</summary>
    internal static string NameOf(HostReserved reserved) => reserved.Type switch
    {
        ReservedRegionType.SoftwareMsi => "the host kernel's MSI window",
        ReservedRegionType.Msi => "the host hardware's MSI range",
        ReservedRegionType.Direct => "memory that the host's firmware keeps mapped for the device",
        _ when reserved.Range.First == 0xfd_0000_0000 => "AMD's HyperTransport range",
        _ => "a reserved range of the host",
    };
}
