using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>What a refused MAP_DMA or UNMAP_DMA tells a person.</summary>
internal sealed partial class Type1Iommu
{
    private Result RefuseUnusable(Iova iova, ulong size)
    {
        Iova last = iova + (size - 1);
        foreach (Type1Domain domain in _domains)
        {
            foreach (PassthroughGroup group in domain.Groups)
            {
                foreach (ReservedRegion region in ReservedRegionsOf(group))
                {
                    if (region.Base <= last && iova <= region.Last)
                    {
                        string what = region.Type is ReservedRegionType.SoftwareMsi or ReservedRegionType.Msi
                            ? "the window where MSI doorbells are mapped"
                            : "a reserved region";
                        return RefuseMap(
                            Errno.EINVAL,
                            "N5",
                            iova,
                            size,
                            $"it covers {region.Base}-{region.Last}, {what} of group {group.Id}",
                            "Keep guest RAM out of that range (QEMU's PCs: -M q35,max-ram-below-4g=128M), or use a machine whose msi-window lies elsewhere (virt-gicv3-x86guest; docs/machines.md).");
                    }
                }
            }
        }

        return RefuseMap(Errno.EINVAL, null, iova, size, "it is outside the IOVA ranges that VFIO_IOMMU_GET_INFO lists as usable");
    }

    private Result RefuseMap(Errno errno, string? rule, Iova iova, ulong size, string reason, string? remedy = null) =>
        host.Refuse("VFIO_IOMMU_MAP_DMA", container, errno, rule, $"mapping IOVA {iova}, 0x{size:x} bytes: {reason}", remedy);

    private Result RefuseUnmap(Iova iova, ulong size, string reason) =>
        host.Refuse("VFIO_IOMMU_UNMAP_DMA", container, Errno.EINVAL, null, $"unmapping IOVA {iova}, 0x{size:x} bytes: {reason}");
}
