namespace Doorbell.Machines;

/// <summary>One row of an iommu-map or msi-map (Devicetree bindings pci-iommu, pci-msi; IORT ID mapping).</summary>
/// <param name="RidBase">First requester ID (after the mask).</param>
/// <param name="Target">Name of the IOMMU or MSI controller.</param>
/// <param name="OutputBase">What the first requester ID becomes there.</param>
/// <param name="Length">How many requester IDs, 1 to 65536.</param>
public sealed record IdMapEntry(uint RidBase, string Target, uint OutputBase, uint Length)
{
    /// <summary>True where the row covers the (masked) requester ID.</summary>
    public bool Covers(uint maskedRid) => maskedRid - RidBase < Length;
}
