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

    /// <summary>The step is over.</summary>
    void End();

    /// <summary>The walk is over.</summary>
    void Conclude(Verdict verdict);
}
