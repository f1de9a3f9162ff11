using Doorbell.Events;
using Doorbell.Linux.Tracing;

namespace Doorbell.Cli.Explain;

/// <summary>The walk as the trace of <c>doorbell run</c> has it, one JSON object a line (docs/explain.md): the machine's events, and between them steps, sentences, the rows of tables and the verdict.</summary>
internal sealed class JsonAccount : IAccount
{
    private readonly EventStream _events;
    private readonly JsonTrace _trace;

    public JsonAccount(Stream output, EventStream events, WalkPlan plan)
    {
        _events = events;
        _trace = new JsonTrace(output, events);
        Say("machine", ("machine", plan.Machine.Description.Name), ("title", plan.Machine.Description.Title), ("device", plan.Device.Name), ("uapi", plan.UapiName), ("mapping_point", plan.MappingPointName));
    }

    public void Begin(StepKind step, string title) => Say("step", ("step", step.ToString().ToLowerInvariant()), ("title", title));

    public void Event(MachineEvent machineEvent)
    {
        // The trace has heard it.
    }

    public void Fact(string sentence) => Say("fact", ("fact", sentence));

    public void Fact(string sentence, string kind, params IReadOnlyList<(string Name, Cell Value)> values) => Say(kind, [.. values, ("fact", sentence)]);

    public void Table(AccountTable table)
    {
        foreach (Cell[] row in table.Rows)
        {
            Say(table.Kind, [.. table.Columns.Zip(row, static (column, cell) => (column.Name, cell))]);
        }
    }

    public void End()
    {
    }

    public void Conclude(Verdict verdict)
    {
        foreach (string failure in verdict.Failures)
        {
            Say("failure", ("failure", failure));
        }

        Say("verdict", ("verdict", verdict.IsGood ? "good" : "bad"), ("summary", verdict.Summary));
    }

    public void Dispose() => _trace.Dispose();

    private void Say(string what, params IReadOnlyList<(string Name, Cell Value)> fields) => _events.Emit(new ExplainEvent(what, fields));
}
