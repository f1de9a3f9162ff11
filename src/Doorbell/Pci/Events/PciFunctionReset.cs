using Doorbell.Events;

namespace Doorbell.Pci;

/// <summary>A function was reset.</summary>
/// <param name="Function">Which function.</param>
public sealed record PciFunctionReset(PciAddress Function) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "pci.reset";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields) => fields.Text("function", Function.ToString());
}
