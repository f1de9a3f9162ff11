using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <summary>One mapping of an IOAS (struct iopt_area): unmapped whole or not at all.</summary>
internal sealed record IoArea(Iova Iova, ClientSpace Space, IoSource Source, IommuProtection Protection) : IovaSlot(Iova, Source.Length)
{
    /// <summary>Whether iova, length and the byte in the page all keep that alignment.</summary>
    public bool IsAligned(ulong alignment, ulong pageSize) =>
        ((Iova.Value | Size | (Source.Address & (pageSize - 1))) & (alignment - 1)) == 0;
}
