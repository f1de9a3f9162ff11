using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>The client and everything it started is gone.</summary>
/// <param name="Status">The command's exit status.</param>
/// <param name="IsIdle">Nothing of it is left in the machine: nothing open, mapped or armed (V7, N2).</param>
internal sealed record ClientEnded(int Status, bool IsIdle) : MachineEvent
{
    public override string Kind => "client.end";

    public override void Describe(IEventFields fields)
    {
        fields.Number("status", Status);
        fields.Text("left", IsIdle ? "nothing" : "something");
    }
}
