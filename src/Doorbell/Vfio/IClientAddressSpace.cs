using Doorbell.Fabric;

namespace Doorbell.Vfio;

/// <summary>The address space VFIO_IOMMU_MAP_DMA names memory of (the caller's mm).</summary>
public interface IClientAddressSpace : IHostMemory
{
    /// <summary>Whether the whole range is there with the access asked for, as pinning would find out.</summary>
    /// <returns>None; EFAULT where it is not; ENOMEM where a limit forbids it.</returns>
    Errno Pin(ulong address, ulong size, bool write);

    /// <summary>
    /// The same for memory that is pinned already and whose new address is the client's word (VFIO_UPDATE_VADDR): nobody looks whether it is there.
    /// </summary>
    /// <returns>None; ENOMEM where a limit forbids it.</returns>
    Errno Adopt(ulong size) => Errno.None;

    /// <summary>Gives a pinned or adopted range back.</summary>
    void Unpin(ulong address, ulong size);
}
