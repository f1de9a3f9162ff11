using Doorbell.Events;

namespace Doorbell.Cli.Explain;

/// <summary>What the walk itself says, among the machine's events.</summary>
/// <param name="What">What is said: machine, step, fact, the kind of a table, failure, verdict.</param>
/// <param name="Fields">Names and values.</param>
internal sealed record ExplainEvent(string What, params IReadOnlyList<(string Name, Cell Value)> Fields) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => $"explain.{What}";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        foreach ((string name, Cell value) in Fields)
        {
            value.Describe(fields, name);
        }
    }
}
