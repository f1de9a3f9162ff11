namespace Doorbell.Interrupts;

/// <summary>What an armed vector calls when its interrupt arrives (the action of request_irq). Must neither block nor allocate.</summary>
public interface IInterruptHandler
{
    /// <summary>The interrupt arrived.</summary>
    /// <param name="vector">The device's vector index it was armed for.</param>
    void Handle(int vector);
}
