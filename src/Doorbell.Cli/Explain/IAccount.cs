using Doorbell.Events;

namespace Doorbell.Cli.Explain;

/// <summary>Tells of a walk as it happens.</summary>
internal interface IAccount : IDisposable
{
    /// <summary>A step begins.</summary>
    void Begin(StepKind step, string title);

    /// <summary>Something happened in the machine.</summary>
    void Event(MachineEvent machineEvent);

    /// <summary>A sentence about the step.</summary>
    void Fact(string sentence);

    /// <summary>A sentence about the step, and what it says as values: <c>explain.KIND</c> for programs.</summary>
    void Fact(string sentence, string kind, params IReadOnlyList<(string Name, Cell Value)> values);

    /// <summary>Facts that have a form.</summary>
    void Table(AccountTable table);

    /// <summary>The step is over: what the engine told meanwhile is told now, except what a table said already.</summary>
    void End();

    /// <summary>The walk is over.</summary>
    void Conclude(Verdict verdict);
}
