using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>The client runs.</summary>
internal sealed record ClientStarted(int Pid) : MachineEvent
{
    public override string Kind => "client.start";

    public override void Describe(IEventFields fields) => fields.Number("pid", Pid);
}
