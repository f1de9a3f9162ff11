namespace Doorbell.Interrupts;

/// <summary>What became of an interrupt that reached its descriptor.</summary>
public enum IrqDelivery
{
    /// <summary>The handler ran.</summary>
    Delivered,

    /// <summary>Disabled at the controller, or not taken by its CPU now: it waits there until that changes.</summary>
    Pending,

    /// <summary>Enabled, but nobody has requested it.</summary>
    NoHandler,
}
