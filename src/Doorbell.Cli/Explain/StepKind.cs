namespace Doorbell.Cli.Explain;

/// <summary>The steps of the walk, in order.</summary>
internal enum StepKind
{
    /// <summary>What the device is called where.</summary>
    Identify,

    /// <summary>What can only be handed over together, and whether it can.</summary>
    Group,

    /// <summary>Whether something checks who writes an MSI.</summary>
    Safety,

    /// <summary>Container, IOMMU, device.</summary>
    Assign,

    /// <summary>Where doorbells will get their IOVAs.</summary>
    Window,

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

    /// <summary>What is left, which must be nothing.</summary>
    Left,
}
