using Doorbell.Events;

namespace Doorbell.Fabric;

/// <summary>An MSI on its way: who wrote, where to, and what the IOMMU made of the address.</summary>
public sealed record MsiWritten(string Device, RequesterId RequesterId, StreamId? StreamId, Iova Iova, PhysicalAddress Address, uint Data, string Target) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "msi.write";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("device", Device);
        fields.Hex("requester", RequesterId.Value);
        if (StreamId is { } stream)
        {
            fields.Hex("stream", stream.Value);
        }

        fields.Hex("iova", Iova.Value);
        fields.Hex("pa", Address.Value);
        fields.Hex("data", Data);
        fields.Text("target", Target);
    }
}
