namespace Doorbell.Events;

/// <summary>Somebody asked for something and was refused: what, with which errno, by which rule, why and what to do.</summary>
public sealed record Refusal : Explained
{
    /// <summary>What was asked, in the uAPI's words (<c>VFIO_SET_IOMMU</c>).</summary>
    public required string Operation { get; init; }

    /// <summary>Of which device, group or container.</summary>
    public required string Subject { get; init; }

    /// <summary>What the caller sees.</summary>
    public required Errno Errno { get; init; }

    /// <inheritdoc/>
    public override string Kind => "refused";

    /// <inheritdoc/>
    protected override void DescribeSubject(IEventFields fields)
    {
        fields.Text("operation", Operation);
        fields.Text("subject", Subject);
        fields.Text("errno", Errno.ToString());
    }
}
