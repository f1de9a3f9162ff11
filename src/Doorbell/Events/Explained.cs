namespace Doorbell.Events;

/// <summary>Something went wrong, and it is known why: a sentence, the rule behind it and what to do.</summary>
public abstract record Explained : MachineEvent
{
    /// <summary>The rule of the system (V3) or the manual's section, when there is one.</summary>
    public string? Rule { get; init; }

    /// <summary>The sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>What to do about it, when there is something.</summary>
    public string? Remedy { get; init; }

    /// <summary>Whether a person should hear of it at once.</summary>
    public TroubleSeverity Severity { get; init; } = TroubleSeverity.Error;

    /// <inheritdoc/>
    public override bool IsTrouble => true;

    /// <summary>Writes what and whom it concerns; the explanation follows.</summary>
    protected abstract void DescribeSubject(IEventFields fields);

    /// <inheritdoc/>
    public sealed override void Describe(IEventFields fields)
    {
        DescribeSubject(fields);
        if (Rule is not null)
        {
            fields.Text("rule", Rule);
        }

        fields.Text("reason", Reason);
        if (Remedy is not null)
        {
            fields.Text("remedy", Remedy);
        }

        if (Severity == TroubleSeverity.Note)
        {
            fields.Text("severity", "note");
        }
    }
}
