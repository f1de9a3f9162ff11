using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>The client opened a node, or tried to.</summary>
internal sealed record ClientOpened(int Thread, string Path, string Outcome) : MachineEvent
{
    public override string Kind => "client.open";

    public override void Describe(IEventFields fields)
    {
        fields.Text("path", Path);
        fields.Number("tid", Thread);
        fields.Text("outcome", Outcome);
    }
}
