namespace Doorbell.Vfio.Iommufd;

/// <summary>struct iommu_ioas_map.flags, iommu_ioas_copy.flags (linux/iommufd.h).</summary>
[Flags]
public enum IoasMapFlags : uint
{
    /// <summary>Nothing: refused, a mapping allows something.</summary>
    None = 0,

    /// <summary>IOMMU_IOAS_MAP_FIXED_IOVA: at the IOVA given; without it the IOAS chooses one.</summary>
    FixedIova = 1 << 0,

    /// <summary>IOMMU_IOAS_MAP_WRITEABLE: devices may write.</summary>
    Writeable = 1 << 1,

    /// <summary>IOMMU_IOAS_MAP_READABLE: devices may read.</summary>
    Readable = 1 << 2,

    /// <summary>All of them.</summary>
    All = FixedIova | Writeable | Readable,
}

/// <summary>struct iommu_hwpt_alloc.flags.</summary>
[Flags]
public enum HwptAllocFlags : uint
{
    /// <summary>A plain table.</summary>
    None = 0,

    /// <summary>IOMMU_HWPT_ALLOC_NEST_PARENT: it could be the parent of a guest's tables.</summary>
    NestParent = 1 << 0,

    /// <summary>IOMMU_HWPT_ALLOC_DIRTY_TRACKING: the hardware notes what devices write. No unit here does.</summary>
    DirtyTracking = 1 << 1,

    /// <summary>IOMMU_HWPT_FAULT_ID_VALID: page requests go to a fault queue. No device here sends any.</summary>
    FaultIdValid = 1 << 2,

    /// <summary>IOMMU_HWPT_ALLOC_PASID: it could be used together with PASIDs.</summary>
    Pasid = 1 << 3,

    /// <summary>All of them.</summary>
    All = NestParent | DirtyTracking | FaultIdValid | Pasid,
}

/// <summary>enum iommu_hwpt_data_type: what a driver's own data for a table is.</summary>
public enum HwptDataType : uint
{
    /// <summary>IOMMU_HWPT_DATA_NONE.</summary>
    None = 0,

    /// <summary>IOMMU_HWPT_DATA_VTD_S1: a guest's first-stage table for VT-d.</summary>
    VtdS1 = 1,

    /// <summary>IOMMU_HWPT_DATA_ARM_SMMUV3: a guest's stream table entry.</summary>
    ArmSmmuV3 = 2,
}

/// <summary>enum iommu_hw_info_type.</summary>
public enum HardwareInfoType : uint
{
    /// <summary>IOMMU_HW_INFO_TYPE_NONE: the unit says nothing about itself.</summary>
    None = 0,

    /// <summary>IOMMU_HW_INFO_TYPE_ARM_SMMUV3: struct iommu_hw_info_arm_smmuv3.</summary>
    ArmSmmuV3 = 2,
}

/// <summary>enum iommufd_hw_capabilities.</summary>
[Flags]
public enum HardwareCapabilities : ulong
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IOMMU_HW_CAP_DIRTY_TRACKING.</summary>
    DirtyTracking = 1 << 0,

    /// <summary>IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED: the device's address translation service is not used.</summary>
    AtsNotSupported = 1 << 3,
}

/// <summary>enum iommufd_option.</summary>
public enum IommufdOption : uint
{
    /// <summary>IOMMU_OPTION_RLIMIT_MODE: of the context; whom locked memory is charged to (0 the user, 1 the process).</summary>
    RlimitMode = 0,

    /// <summary>IOMMU_OPTION_HUGE_PAGES: of an IOAS; 0 maps in smallest pages only.</summary>
    HugePages = 1,
}

/// <summary>enum iommufd_option_ops.</summary>
public enum IommufdOptionOperation : ushort
{
    /// <summary>IOMMU_OPTION_OP_SET.</summary>
    Set = 0,

    /// <summary>IOMMU_OPTION_OP_GET.</summary>
    Get = 1,
}
