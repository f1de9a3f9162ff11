using Doorbell.Events;

namespace Doorbell.Machines.Events;

/// <summary>A device behind an IOMMU got no group, so that nobody can be given it.</summary>
/// <param name="Function">Which.</param>
/// <param name="Reason">The sentence's end.</param>
public sealed record DeviceWithoutGroup(PciAddress Function, string Reason) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "machine.no-group";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("function", Function.ToString());
        fields.Text("reason", Reason);
    }
}
