using Doorbell.Fabric;

namespace Doorbell.Vfio;

/// <summary>The address space VFIO_IOMMU_MAP_DMA names memory of (the caller's mm).</summary>
public interface IClientAddressSpace : IHostMemory
{
    /// <summary>Whether the whole range is there with the access asked for, as pinning would find out.</summary>
    /// <returns>None; EFAULT where it is not; ENOMEM where a limit forbids it.</returns>
    Errno Pin(ulong address, ulong size, bool write);

    /// <summary>Gives a pinned range back.</summary>
    void Unpin(ulong address, ulong size);
}
