using Doorbell.Events;

namespace Doorbell.Gic.Events;

/// <summary>A controller refused a device's MSI (N4).</summary>
public sealed record MsiRefusedEvent : MachineEvent
{
    /// <summary>The frame that took the write.</summary>
    public required string Controller { get; init; }

    /// <summary>Who wrote.</summary>
    public required RequesterId Requester { get; init; }

    /// <summary>The writer as the controller knows it.</summary>
    public required DeviceId DeviceId { get; init; }

    /// <summary>The payload.</summary>
    public required uint Data { get; init; }

    /// <summary>The sentence.</summary>
    public required string Reason { get; init; }

    /// <inheritdoc/>
    public override bool IsTrouble => true;

    /// <inheritdoc/>
    public override string Kind => "msi.refused";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("controller", Controller);
        fields.Text("requester", Requester.ToString());
        fields.Hex("device_id", DeviceId.Value);
        fields.Hex("data", Data);
        fields.Text("reason", Reason);
    }
}
