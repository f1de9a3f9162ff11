namespace Doorbell.Checks;

/// <summary>What is asked.</summary>
public sealed record CheckOptions
{
    /// <summary>The functions asked for; empty: every one that is no bridge.</summary>
    public IReadOnlyList<PciAddress> Devices { get; init; } = [];

    /// <summary>Judge as if <c>allow_unsafe_interrupts</c> were set, whatever the host says.</summary>
    public bool AllowUnsafeInterrupts { get; init; }
}
