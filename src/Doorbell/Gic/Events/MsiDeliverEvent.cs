using Doorbell.Events;

namespace Doorbell.Gic.Events;

/// <summary>A device's MSI reached the interrupt it named; <see cref="Pending"/> when it waits there because it is disabled.</summary>
public sealed record MsiDeliverEvent : MachineEvent
{
    /// <summary>The frame that took the write.</summary>
    public required string Controller { get; init; }

    /// <summary>Who wrote.</summary>
    public required RequesterId Requester { get; init; }

    /// <summary>The writer as the controller knows it.</summary>
    public required DeviceId DeviceId { get; init; }

    /// <summary>The payload: EventID at an ITS, SPI at a v2m frame.</summary>
    public required uint Data { get; init; }

    /// <summary>The interrupt raised.</summary>
    public required uint Intid { get; init; }

    /// <summary>The CPU it goes to.</summary>
    public required int Cpu { get; init; }

    /// <summary>The device whose vector it is; at a v2m frame not necessarily the writer.</summary>
    public required string Device { get; init; }

    /// <summary>That device's vector.</summary>
    public required int Vector { get; init; }

    /// <summary>True when it waits.</summary>
    public bool Pending { get; init; }

    /// <inheritdoc/>
    public override string Kind => Pending ? "msi.pending" : "msi.deliver";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("controller", Controller);
        fields.Text("requester", Requester.ToString());
        fields.Hex("device_id", DeviceId.Value);
        fields.Hex("data", Data);
        fields.Number("intid", Intid);
        fields.Number("cpu", Cpu);
        fields.Text("device", Device);
        fields.Number("vector", Vector);
    }
}
