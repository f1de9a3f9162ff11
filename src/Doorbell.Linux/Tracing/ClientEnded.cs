using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>The client and everything it started is gone.</summary>
internal sealed record ClientEnded(int Status) : MachineEvent
{
    public override string Kind => "client.end";

    public override void Describe(IEventFields fields) => fields.Number("status", Status);
}
