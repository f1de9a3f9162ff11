namespace Doorbell.Iommu;

/// <summary>Why a transaction was refused (I10); each manual has its own names, see <see cref="IommuModel.NameOf"/>.</summary>
public enum IommuFaultReason
{
    /// <summary>The stream's domain lets nothing through. (An SMMUv3 whose STE says abort records no event for it; here it is recorded like any other.)</summary>
    Blocked,

    /// <summary>The unit has no such stream.</summary>
    BadStream,

    /// <summary>Nothing is mapped there.</summary>
    Translation,

    /// <summary>What is mapped there does not allow the access.</summary>
    Permission,

    /// <summary>The address is wider than the unit's output; at an x86 unit, than the tables' input (an SMMU calls that a translation fault).</summary>
    AddressSize,
}
