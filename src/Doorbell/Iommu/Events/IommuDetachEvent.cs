using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>A stream left its domain and is back in the state of an unattached one.</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Stream">The stream.</param>
/// <param name="Domain">Number of the domain it left.</param>
public sealed record IommuDetachEvent(string Iommu, StreamId Stream, int Domain) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "iommu.detach";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Hex("stream", Stream.Value);
        fields.Number("domain", Domain);
    }
}
