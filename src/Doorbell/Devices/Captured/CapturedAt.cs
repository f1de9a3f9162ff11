namespace Doorbell.Devices;

/// <summary>A captured function and where it was.</summary>
/// <param name="Address">Its address on the machine it was captured on.</param>
/// <param name="Function">What it is.</param>
public sealed record CapturedAt(PciAddress Address, CapturedFunction Function);
