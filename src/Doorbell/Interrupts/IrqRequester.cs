namespace Doorbell.Interrupts;

/// <summary>Who interrupts are allocated for, as a controller knows it.</summary>
/// <param name="Name">For events and sentences: <c>0000:01:00.0</c>.</param>
/// <param name="DeviceId">The sideband ID its writes carry (msi-map, IORT); controllers that do not translate ignore it.</param>
public sealed record IrqRequester(string Name, DeviceId DeviceId);
