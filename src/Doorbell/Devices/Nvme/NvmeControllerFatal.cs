using Doorbell.Events;

namespace Doorbell.Devices;

/// <summary>An NVMe controller cannot go on: it has set CSTS.CFS and waits to be reset (NVMe 1.4, 9.5).</summary>
/// <param name="Function">Which function.</param>
/// <param name="Reason">Why, as a sentence's end.</param>
public sealed record NvmeControllerFatal(PciAddress Function, string Reason) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "nvme.fatal";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("function", Function.ToString());
        fields.Text("reason", Reason);
    }
}
