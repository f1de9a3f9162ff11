using Doorbell.Events;

namespace Doorbell.Vfio;

/// <summary>V3: a group was handed over although nothing checks who writes its MSIs, because the user said so.</summary>
public sealed record UnsafeInterruptsAllowed(int Group, string Device, string Controller) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "vfio.unsafe";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Number("group", Group);
        fields.Text("device", Device);
        fields.Text("controller", Controller);
        fields.Text("rule", "V3");
        fields.Text("reason", "allow_unsafe_interrupts is set: the owner of this device can raise any interrupt behind this controller");
    }
}
