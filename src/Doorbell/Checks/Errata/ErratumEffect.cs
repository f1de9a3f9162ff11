namespace Doorbell.Checks.Errata;

/// <summary>What an erratum changes.</summary>
public enum ErratumEffect
{
    /// <summary>A device can raise another device's interrupts, whatever the controller's kind promises (M2).</summary>
    NotIsolated,

    /// <summary>Writes to the MSI controller's frame are interrupts before the IOMMU's tables are asked (I1): <see cref="Erratum.RegionOf"/> is reserved, and there is no window.</summary>
    HardwareMsi,

    /// <summary>The kernel leaves the IOMMU off.</summary>
    NotTranslated,
}
