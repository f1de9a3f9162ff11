using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>A domain mapped a range: the kernel's tracepoint iommu:map.</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Domain">The domain's number in it.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="PhysicalAddress">First PA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Protection">What it allows.</param>
public sealed record IommuMapEvent(string Iommu, int Domain, Iova Iova, PhysicalAddress PhysicalAddress, ulong Size, IommuProtection Protection) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "iommu.map";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Number("domain", Domain);
        fields.Hex("iova", Iova.Value);
        fields.Hex("pa", PhysicalAddress.Value);
        fields.Hex("size", Size);
        fields.Hex("prot", (ulong)Protection);
    }
}
