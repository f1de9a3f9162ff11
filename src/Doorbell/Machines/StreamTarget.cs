namespace Doorbell.Machines;

/// <summary>Where a function's DMA is translated.</summary>
/// <param name="Iommu">The IOMMU in front of it.</param>
/// <param name="Stream">What the IOMMU calls it.</param>
public readonly record struct StreamTarget(IommuDescription Iommu, StreamId Stream);
