using Doorbell.Iommu;

namespace Doorbell.Machines.DeviceTree;

/// <summary>Where an IOMMU's doorbells get their IOVAs: Linux's window, unless PCI addresses of a host behind it are there (I9).</summary>
internal static class MsiWindow
{
    /// <summary>The IOMMU with its window.</summary>
    public static IommuDescription Place(DtTree tree, IommuDescription iommu, IReadOnlyList<PciHostDescription> hosts, DtNaming naming)
    {
        List<PciWindowDescription> windows = [.. hosts.Where(host => host.IommuMap.Entries.Any(entry => entry.Target == iommu.Name)).SelectMany(host => host.Windows).OrderBy(window => window.BusAddress)];
        ulong size = ReservedRegion.DefaultSoftwareMsi.Size, start = ReservedRegion.DefaultSoftwareMsi.Base.Value;
        foreach (PciWindowDescription window in windows)
        {
            if (window.BusAddress < start + size && start <= window.BusLast)
            {
                start = window.BusLast > ulong.MaxValue - (2 * size) ? ulong.MaxValue - size : (window.BusLast + size) & ~(size - 1);
            }
        }

        if (start == iommu.MsiWindow.Base.Value)
        {
            return iommu;
        }

        if (start + size > 1UL << iommu.InputBits)
        {
            tree.Errors.Fail(Errno.EINVAL, $"{iommu.Name}: the PCI addresses of the hosts behind it leave no room for a window of doorbells in {iommu.InputBits} bits");
        }

        naming.Note($"{iommu.Name}: PCI addresses lie where Linux puts the window for doorbells, which is moved to 0x{start:x}.");
        return iommu with { MsiWindow = new ReservedRegion(new Iova(start), size, ReservedRegionType.SoftwareMsi) };
    }
}
