namespace Doorbell.Vfio;

/// <summary>What the administrator of the host decides.</summary>
public sealed record VfioOptions
{
    /// <summary>vfio_iommu_type1.allow_unsafe_interrupts: V3 is overridden, and every report says so.</summary>
    public bool AllowUnsafeInterrupts { get; init; }

    /// <summary>vfio.enable_unsafe_noiommu_mode: a device that no IOMMU translates gets a group of its own, /dev/vfio/noiommu-N. Its DMA reaches all memory.</summary>
    public bool EnableUnsafeNoIommu { get; init; }

    /// <summary>vfio_iommu_type1.dma_entry_limit: most mappings a container holds.</summary>
    public int DmaEntryLimit { get; init; } = 65535;

    /// <summary>Bytes of a page of the computer the clients run on, a power of two: regions are mapped by such pages.</summary>
    public ulong PageSize { get; init; } = 4096;

    /// <summary>Which uAPI containers have (V6).</summary>
    /// <remarks>When doorbells are mapped is the machine's: v6 goes with <see cref="Msi.MappingPoint.Activate"/> (<see cref="Machines.MachineBuilder.MappingPoint"/>), and works with either (M8).</remarks>
    public VfioUapi Uapi { get; init; }
}
