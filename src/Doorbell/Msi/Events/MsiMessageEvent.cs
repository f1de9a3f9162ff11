using Doorbell.Events;

namespace Doorbell.Msi.Events;

/// <summary>A message was written into a device, or cleared.</summary>
public sealed record MsiMessageEvent : MachineEvent
{
    /// <summary>The device.</summary>
    public required string Device { get; init; }

    /// <summary>How it sends messages.</summary>
    public required MsiKind MsiKind { get; init; }

    /// <summary>The vector; 0 stands for all of PCI MSI.</summary>
    public required int Vector { get; init; }

    /// <summary>What the device holds now.</summary>
    public required MsiMessage Message { get; init; }

    /// <summary>The doorbell's physical address; equal to the message's where nothing translates (M7), 0 when cleared.</summary>
    public required PhysicalAddress Doorbell { get; init; }

    /// <inheritdoc/>
    public override string Kind => "msi.message";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("device", Device);
        fields.Text("type", MsiKind.ToString());
        fields.Number("vector", Vector);
        fields.Hex("doorbell", Doorbell.Value);
        fields.Hex("address", Message.Address);
        fields.Hex("data", Message.Data);
    }
}
