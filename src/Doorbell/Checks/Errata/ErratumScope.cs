namespace Doorbell.Checks.Errata;

/// <summary>Whom an erratum concerns once it is found on a host.</summary>
public enum ErratumScope
{
    /// <summary>What it was found by: the devices behind that IOMMU or MSI controller, or that function.</summary>
    Found,

    /// <summary>Every device of the host.</summary>
    Host,

    /// <summary>Display controllers of the same vendor on bus 0.</summary>
    Graphics,
}
