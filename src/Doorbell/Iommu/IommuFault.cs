namespace Doorbell.Iommu;

/// <summary>A transaction that was refused (I10), as a fault record of the unit holds it.</summary>
/// <param name="Stream">Who.</param>
/// <param name="Iova">Where to.</param>
/// <param name="Access">Read or Write: the direction.</param>
/// <param name="Reason">Why.</param>
public sealed record IommuFault(StreamId Stream, Iova Iova, IommuProtection Access, IommuFaultReason Reason);
