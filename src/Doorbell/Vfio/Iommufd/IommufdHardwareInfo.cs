namespace Doorbell.Vfio.Iommufd;

/// <summary>What IOMMU_GET_HW_INFO says of the IOMMU behind a device.</summary>
/// <param name="Type">out_data_type.</param>
/// <param name="Data">The driver's structure; the caller gets what its buffer holds of it, and the rest of its buffer zeroed.</param>
/// <param name="Capabilities">out_capabilities.</param>
/// <param name="MaxPasidLog2">out_max_pasid_log2: 0, no device here has PASIDs.</param>
public sealed record IommufdHardwareInfo(HardwareInfoType Type, ReadOnlyMemory<byte> Data, HardwareCapabilities Capabilities, byte MaxPasidLog2);
