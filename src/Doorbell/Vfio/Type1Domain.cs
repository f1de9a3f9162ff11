using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>One IOMMU domain of a container and the groups attached to it (the kernel's struct vfio_domain).</summary>
internal sealed class Type1Domain(IommuDomain domain)
{
    public IommuDomain Domain { get; } = domain;

    public List<PassthroughGroup> Groups { get; } = [];
}
