namespace Doorbell.Machines;

/// <summary>An MSI controller of the machine: what a PCI host's msi-map or msi-parent names.</summary>
public abstract record MsiControllerDescription
{
    /// <summary>Unique in the machine; msi-map entries use it.</summary>
    public required string Name { get; init; }

    /// <summary>The frames it decodes, with names for people.</summary>
    public abstract IEnumerable<MemoryRange> Frames { get; }
}
