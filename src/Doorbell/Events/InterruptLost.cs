namespace Doorbell.Events;

/// <summary>
/// A device's interrupt reached nobody. What its MSI controller refused is told by the controller, as
/// <see cref="Gic.Events.MsiRefusedEvent"/>; this is everything before and behind it.
/// </summary>
public sealed record InterruptLost : MachineEvent
{
    /// <summary>The device.</summary>
    public required string Device { get; init; }

    /// <summary>Its vector; null where only the message is known.</summary>
    public int? Vector { get; init; }

    /// <summary>Where it ended.</summary>
    public required LostInterruptCause Cause { get; init; }

    /// <summary>The sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>The rule of the system, when there is one.</summary>
    public string? Rule { get; init; }

    /// <summary>What to do about it.</summary>
    public string? Remedy { get; init; }

    /// <summary>Whether a person should hear of it at once.</summary>
    public TroubleSeverity Severity { get; init; } = TroubleSeverity.Error;

    /// <inheritdoc/>
    public override bool IsTrouble => true;

    /// <inheritdoc/>
    public override string Kind => "msi.lost";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("device", Device);
        if (Vector is { } vector)
        {
            fields.Number("vector", vector);
        }

        fields.Text("cause", Cause.ToString());
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
