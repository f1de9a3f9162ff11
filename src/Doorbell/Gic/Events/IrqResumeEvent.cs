using Doorbell.Events;

namespace Doorbell.Gic.Events;

/// <summary>An interrupt that had waited (<c>msi.pending</c>) was delivered when it was enabled or its CPU took it.</summary>
public sealed record IrqResumeEvent : MachineEvent
{
    /// <summary>The GIC it waited at.</summary>
    public required string Gic { get; init; }

    /// <summary>The interrupt.</summary>
    public required uint Intid { get; init; }

    /// <summary>The CPU it goes to.</summary>
    public required int Cpu { get; init; }

    /// <summary>The device whose vector it is.</summary>
    public required string Device { get; init; }

    /// <summary>That device's vector.</summary>
    public required int Vector { get; init; }

    /// <inheritdoc/>
    public override string Kind => "irq.resume";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("gic", Gic);
        fields.Number("intid", Intid);
        fields.Number("cpu", Cpu);
        fields.Text("device", Device);
        fields.Number("vector", Vector);
    }
}
