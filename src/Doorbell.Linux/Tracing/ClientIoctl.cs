using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>The client's ioctl on an emulated file and what it came back with.</summary>
internal sealed record ClientIoctl(int Thread, string File, string Name, ulong Argument, string Outcome) : MachineEvent
{
    /// <summary>When it was received (Stopwatch.GetTimestamp): the event comes when it is over. 0 where that is not known.</summary>
    public long Began { get; init; }

    public override string Kind => "client.ioctl";

    public override void Describe(IEventFields fields)
    {
        fields.Text("name", Name);
        fields.Text("file", File);
        fields.Number("tid", Thread);
        fields.Hex("argument", Argument);
        fields.Text("outcome", Outcome);
    }
}
