namespace Doorbell.Tests.Iommu;

/// <summary>Which of the three forms a domain's window has (I9).</summary>
public enum DoorbellForm
{
    /// <summary>The series: unmapped with the last reference.</summary>
    Series,

    /// <summary>Mainline's MSI cookie: mapped until the domain goes.</summary>
    Cookie,

    /// <summary>iommufd: mapped until the domain goes, at the place the context's table says.</summary>
    Iommufd,
}
