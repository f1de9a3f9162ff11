namespace Doorbell.Events;

/// <summary>
/// A device's interrupt reached nobody. What its MSI controller refused is told by the controller, as
/// <see cref="Gic.Events.MsiRefusedEvent"/>; this is everything before and behind it.
/// </summary>
public sealed record InterruptLost : Explained
{
    /// <summary>The device.</summary>
    public required string Device { get; init; }

    /// <summary>Its vector; null where only the message is known.</summary>
    public int? Vector { get; init; }

    /// <summary>Where it ended.</summary>
    public required LostInterruptCause Cause { get; init; }

    /// <inheritdoc/>
    public override string Kind => "msi.lost";

    /// <inheritdoc/>
    protected override void DescribeSubject(IEventFields fields)
    {
        fields.Text("device", Device);
        if (Vector is { } vector)
        {
            fields.Number("vector", vector);
        }

        fields.Text("cause", Cause.ToString());
    }
}
