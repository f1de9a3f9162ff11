using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Vfio;

namespace Doorbell.Checks;

/// <summary>All that is said of one function.</summary>
public sealed record FunctionCheck
{
    /// <summary>The function.</summary>
    public required HostFunction Function { get; init; }

    /// <summary>The answer.</summary>
    public required CheckVerdict Verdict { get; init; }

    /// <summary>Why, what decides first.</summary>
    public required IReadOnlyList<CheckReason> Reasons { get; init; }

    /// <summary>True of an assignable function that should not be trusted with it.</summary>
    public bool IsUnsafe => Verdict == CheckVerdict.Assignable && Reasons.Any(static reason => reason.Kind.Severity == CheckSeverity.Unsafe);

    /// <summary>The one reason that matters: the first that decides, null where there is none.</summary>
    public CheckReason? Decisive => Reasons.FirstOrDefault(static reason => reason.Kind.Severity != CheckSeverity.Note);

    /// <summary>The way of its MSIs.</summary>
    public required MsiPath Path { get; init; }

    /// <summary>Its group; null where it has none, or none is known.</summary>
    public GroupCheck? Group { get; init; }

    /// <summary>Reserved regions of its group; null where not known.</summary>
    public IReadOnlyList<ReservedRegion>? ReservedRegions { get; init; }

    /// <summary>IOVAs a user may map; null where not known. The last one is open where <see cref="IsApertureKnown"/> is false.</summary>
    public IReadOnlyList<IovaRange>? UsableRanges { get; init; }

    /// <summary>True where the end of the IOMMU's input addresses is known.</summary>
    public bool IsApertureKnown { get; init; }

    /// <summary>Vectors of its MSI capability, 0 where it has none; null where its configuration space could not be read that far.</summary>
    public int? MsiVectors { get; init; }

    /// <summary>Vectors of its MSI-X capability, likewise.</summary>
    public int? MsiXVectors { get; init; }
}
