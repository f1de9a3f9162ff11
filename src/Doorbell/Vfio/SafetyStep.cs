namespace Doorbell.Vfio;

/// <summary>One place the answer to V3 was looked for.</summary>
/// <param name="At">Where: a device, an IOMMU, a level of the interrupt hierarchy.</param>
/// <param name="Says">What is there, in words.</param>
public readonly record struct SafetyStep(string At, string Says);
