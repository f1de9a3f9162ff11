namespace Doorbell.Interrupts;

/// <summary>What an armed vector calls when its interrupt arrives (the action of request_irq). Must neither block nor allocate.</summary>
/// <remarks>
/// It is called on whatever thread the device writes from, and on the control thread for an interrupt that waited, several at a
/// time if the device raises several at a time. A delivery that was under way when the vector was freed may still reach the
/// handler once that call has returned: a handler outlives its vector harmlessly.
/// </remarks>
public interface IInterruptHandler
{
    /// <summary>The interrupt arrived.</summary>
    /// <param name="vector">The device's vector index it was armed for.</param>
    void Handle(int vector);
}
