using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>What a unit had cached of a stream's entry was invalidated, after the entry was written.</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Stream">The stream.</param>
/// <param name="Command">As the unit's manual calls it: <c>CMD_CFGI_STE</c>.</param>
public sealed record IommuStreamInvalidateEvent(string Iommu, StreamId Stream, string Command) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "iommu.invalidate";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Hex("stream", Stream.Value);
        fields.Text("command", Command);
    }
}
