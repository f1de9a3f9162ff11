namespace Doorbell.Iommu;

/// <summary>How long a doorbell's mapping stays.</summary>
public enum DoorbellRetention
{
    /// <summary>The series (I7, N2): unmapped with its last reference.</summary>
    UntilLastReference,

    /// <summary>Mainline's MSI cookie (I9): references are counted, the page stays mapped until the domain goes.</summary>
    UntilDomainFreed,
}
