using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>The last descriptor of an emulated file is gone (V7).</summary>
internal sealed record ClientClosed(string File) : MachineEvent
{
    public override string Kind => "client.close";

    public override void Describe(IEventFields fields) => fields.Text("file", File);
}
