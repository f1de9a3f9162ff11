namespace Doorbell.Machines;

/// <summary>Where a function's MSIs go.</summary>
/// <param name="Controller">The MSI controller.</param>
/// <param name="Device">What the controller calls the writer.</param>
public readonly record struct MsiTarget(MsiControllerDescription Controller, DeviceId Device);
