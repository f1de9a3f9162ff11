using Doorbell.Events;

namespace Doorbell.Gic.Events;

/// <summary>SPIs of a v2m frame were given to a device's vectors, or came back.</summary>
public sealed record GicV2mAllocEvent : MachineEvent
{
    /// <summary>The frame.</summary>
    public required string Frame { get; init; }

    /// <summary>The device.</summary>
    public required string Device { get; init; }

    /// <summary>First SPI, as INTID.</summary>
    public required uint Spi { get; init; }

    /// <summary>How many in a row.</summary>
    public required int Count { get; init; }

    /// <summary>True when they came back.</summary>
    public bool Freed { get; init; }

    /// <inheritdoc/>
    public override string Kind => Freed ? "gicv2m.free" : "gicv2m.alloc";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("frame", Frame);
        fields.Text("device", Device);
        fields.Number("spi", Spi);
        fields.Number("count", Count);
    }
}
