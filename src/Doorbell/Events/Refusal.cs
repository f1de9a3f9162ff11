namespace Doorbell.Events;

/// <summary>Somebody asked for something and was refused: what, with which errno, by which rule, why and what to do.</summary>
public sealed record Refusal : MachineEvent
{
    /// <summary>What was asked, in the uAPI's words (<c>VFIO_SET_IOMMU</c>).</summary>
    public required string Operation { get; init; }

    /// <summary>Of which device, group or container.</summary>
    public required string Subject { get; init; }

    /// <summary>What the caller sees.</summary>
    public required Errno Errno { get; init; }

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

    /// <inheritdoc/>
    public override string Kind => "refused";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("operation", Operation);
        fields.Text("subject", Subject);
        fields.Text("errno", Errno.ToString());
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
