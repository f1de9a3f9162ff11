namespace Doorbell.Cli.Explain;

/// <summary>The steps of the walk, in order.</summary>
internal enum StepKind
{
    /// <summary>What the device is called where.</summary>
    Identify,

    /// <summary>Group, container, IOMMU.</summary>
    Assign,

    /// <summary>Memory for DMA.</summary>
    Map,

    /// <summary>Vectors.</summary>
    Arm,

    /// <summary>Each vector raised once.</summary>
    Raise,

    /// <summary>One vector moved to another CPU and raised there.</summary>
    Move,

    /// <summary>All vectors disabled.</summary>
    Disarm,

    /// <summary>Device, group and container closed.</summary>
    Close,
}
