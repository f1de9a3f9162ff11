using Doorbell.Events;

namespace Doorbell.Msi.Events;

/// <summary>A vector was allocated, armed, moved, disarmed or freed.</summary>
public sealed record MsiVectorEvent : MachineEvent
{
    /// <summary>What happened.</summary>
    public required MsiVectorChange Change { get; init; }

    /// <summary>The device.</summary>
    public required string Device { get; init; }

    /// <summary>How it sends messages.</summary>
    public required MsiKind MsiKind { get; init; }

    /// <summary>Its vector.</summary>
    public required int Vector { get; init; }

    /// <summary>Number of the interrupt in the machine.</summary>
    public required int Irq { get; init; }

    /// <summary>The INTID at the controller.</summary>
    public required uint Intid { get; init; }

    /// <summary>The CPU it goes to; -1 while none is chosen.</summary>
    public required int Cpu { get; init; }

    /// <inheritdoc/>
    public override string Kind => Change switch
    {
        MsiVectorChange.Alloc => "msi.alloc",
        MsiVectorChange.Arm => "msi.arm",
        MsiVectorChange.Affinity => "msi.affinity",
        MsiVectorChange.Disarm => "msi.disarm",
        _ => "msi.free",
    };

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("device", Device);
        fields.Text("type", MsiKind.ToString());
        fields.Number("vector", Vector);
        fields.Number("irq", Irq);
        fields.Number("intid", Intid);
        fields.Number("cpu", Cpu);
    }
}
