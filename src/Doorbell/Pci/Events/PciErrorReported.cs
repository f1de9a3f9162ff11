using Doorbell.Events;

namespace Doorbell.Pci;

/// <summary>A function reported an uncorrectable error.</summary>
/// <param name="Function">Which function.</param>
public sealed record PciErrorReported(PciAddress Function) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "pci.error";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields) => fields.Text("function", Function.ToString());
}
