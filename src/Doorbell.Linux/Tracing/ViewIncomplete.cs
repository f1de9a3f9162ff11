using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>A real entry of /sys or /dev that the client's view lacks.</summary>
internal sealed record ViewIncomplete(string Entry) : MachineEvent
{
    public override string Kind => "view.missing";

    public override void Describe(IEventFields fields) => fields.Text("entry", Entry);
}
