using Doorbell.Events;
using Doorbell.Linux.Tracing;

namespace Doorbell.Cli.Explain;

/// <summary>The walk as the trace of <c>doorbell run</c> has it, one JSON object a line, with steps, facts and the verdict between the machine's events.</summary>
internal sealed class JsonAccount(Stream output, EventStream events) : IAccount
{
    private readonly JsonTrace _trace = new(output, events);

    public void Begin(StepKind step, string title) => events.Emit(new ExplainEvent("step", ("step", step.ToString().ToLowerInvariant()), ("title", title)));

    public void Event(MachineEvent machineEvent)
    {
        // The trace has heard it.
    }

    public void Fact(string sentence) => events.Emit(new ExplainEvent("fact", ("fact", sentence)));

    public void End()
    {
    }

    public void Conclude(Verdict verdict)
    {
        foreach (string failure in verdict.Failures)
        {
            events.Emit(new ExplainEvent("failure", ("failure", failure)));
        }

        events.Emit(new ExplainEvent("verdict", ("verdict", verdict.IsGood ? "good" : "bad"), ("summary", verdict.Summary)));
    }

    public void Dispose() => _trace.Dispose();
}
