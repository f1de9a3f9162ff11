using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>A domain unmapped (part of) a range: the kernel's tracepoint iommu:unmap.</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Domain">The domain's number in it.</param>
/// <param name="Iova">First IOVA asked for.</param>
/// <param name="Size">Bytes asked for.</param>
/// <param name="Unmapped">Bytes that were mapped and are no more.</param>
public sealed record IommuUnmapEvent(string Iommu, int Domain, Iova Iova, ulong Size, ulong Unmapped) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "iommu.unmap";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Number("domain", Domain);
        fields.Hex("iova", Iova.Value);
        fields.Hex("size", Size);
        fields.Hex("unmapped", Unmapped);
    }
}
