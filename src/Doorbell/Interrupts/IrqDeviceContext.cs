namespace Doorbell.Interrupts;

/// <summary>What a controller keeps for one device between <see cref="IrqDomain.Prepare"/> and <see cref="IrqDomain.Unprepare"/> (the ITS: its ITT). Opaque to the levels above.</summary>
public abstract class IrqDeviceContext
{
}
