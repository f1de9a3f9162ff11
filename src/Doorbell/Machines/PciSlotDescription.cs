namespace Doorbell.Machines;

/// <summary>A place a device can be plugged in.</summary>
/// <param name="Address">The function plugged there.</param>
/// <param name="Device">What is there unless another is asked for; null where it is empty.</param>
public sealed record PciSlotDescription(PciAddress Address, DeviceSpec? Device);
