using Doorbell.Events;

namespace Doorbell.Gic.Events;

/// <summary>A command an ITS executed, or refused with <see cref="Error"/>.</summary>
public sealed record ItsCommandEvent : MachineEvent
{
    /// <summary>The ITS.</summary>
    public required string Its { get; init; }

    /// <summary>The command.</summary>
    public required ItsCommand Command { get; init; }

    /// <summary>Why it was not executed.</summary>
    public ItsCommandError Error { get; init; }

    /// <inheritdoc/>
    public override string Kind => Error == ItsCommandError.None ? "its.command" : "its.error";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("its", Its);
        fields.Text("command", Command.ToString());
        if (Error != ItsCommandError.None)
        {
            fields.Text("error", Error.ToString());
        }
    }
}
