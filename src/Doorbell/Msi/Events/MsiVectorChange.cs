namespace Doorbell.Msi.Events;

/// <summary>What happened to a vector.</summary>
public enum MsiVectorChange
{
    /// <summary>Allocated at every level.</summary>
    Alloc,

    /// <summary>Requested: activated and unmasked, its handler in place.</summary>
    Arm,

    /// <summary>Moved to another CPU.</summary>
    Affinity,

    /// <summary>Its handler gone, masked and deactivated.</summary>
    Disarm,

    /// <summary>Given back at every level.</summary>
    Free,
}
