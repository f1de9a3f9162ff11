namespace Doorbell.Events;

/// <summary>Where on its way an interrupt ended that reached nobody.</summary>
public enum LostInterruptCause
{
    /// <summary>The IOMMU stopped the write of its message (I10).</summary>
    Fault,

    /// <summary>The write reached no MSI frame, or a register of it that raises nothing.</summary>
    NoDoorbell,

    /// <summary>The function may not use the bus: bus mastering is off, or it is not in D0.</summary>
    NotSent,

    /// <summary>The function has neither MSI nor MSI-X enabled, or fewer vectors than the device raised.</summary>
    NotEnabled,

    /// <summary>It waited behind a mask until its vector was let go.</summary>
    Masked,

    /// <summary>The client's eventfd takes no more: its counter is full, for nobody reads it.</summary>
    EventFdFull,
}
