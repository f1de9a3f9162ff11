namespace Doorbell.Interrupts;

/// <summary>What an allocation tells the levels below (msi_alloc_info_t, and the fwspec each level makes for its parent).</summary>
/// <param name="Requester">For whom.</param>
/// <param name="Context">What <see cref="IrqDomain.Prepare"/> gave for the device; null where the controller keeps nothing a device.</param>
/// <param name="FirstVector">The device's vector index of the first interrupt.</param>
/// <param name="Intid">The first INTID the level above chose; 0 while none has.</param>
/// <param name="Owner">What the outermost level hangs on its data (its vector), or null.</param>
public readonly record struct IrqAllocation(IrqRequester Requester, IrqDeviceContext? Context, int FirstVector, uint Intid = 0, object? Owner = null);
