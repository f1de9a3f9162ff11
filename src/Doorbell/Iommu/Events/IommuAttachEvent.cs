using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>A stream goes through another domain from now on.</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Stream">The stream.</param>
/// <param name="Domain">The domain's number in it.</param>
/// <param name="DomainType">What the domain does.</param>
public sealed record IommuAttachEvent(string Iommu, StreamId Stream, int Domain, IommuDomainType DomainType) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "iommu.attach";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Hex("stream", Stream.Value);
        fields.Number("domain", Domain);
        fields.Text("type", DomainType.ToString());
    }
}
