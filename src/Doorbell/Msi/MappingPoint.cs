namespace Doorbell.Msi;

/// <summary>When the doorbell of a vector is mapped (M8). The device sees the same messages either way.</summary>
public enum MappingPoint
{
    /// <summary>At activation, and anew at a change of affinity: v6 of the series.</summary>
    Activate,

    /// <summary>At allocation, where sleeping and failing are allowed; activation and affinity only translate: v8 on, and mainline.</summary>
    Alloc,
}
