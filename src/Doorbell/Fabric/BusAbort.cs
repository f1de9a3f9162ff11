using Doorbell.Events;

namespace Doorbell.Fabric;

/// <summary>A device's access was translated (or needed no translation) and then nothing answered it.</summary>
public sealed record BusAbort(string Device, Iova Iova, PhysicalAddress Address, ulong Length, bool IsWrite, string Reason) : MachineEvent
{
    /// <summary>It was a message: an <see cref="InterruptLost"/> explains it.</summary>
    public bool IsMessage { get; init; }

    /// <inheritdoc/>
    public override bool IsTrouble => !IsMessage;

    /// <inheritdoc/>
    public override string Kind => "bus.abort";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("device", Device);
        fields.Text("direction", IsWrite ? "write" : "read");
        fields.Hex("iova", Iova.Value);
        fields.Hex("pa", Address.Value);
        fields.Number("length", (long)Length);
        fields.Text("reason", Reason);
    }
}
