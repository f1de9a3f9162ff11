namespace Doorbell.Machines;

/// <summary>A PCI host bridge: a segment's (part of) bus numbers, its windows and its ID maps.</summary>
public sealed record PciHostDescription
{
    /// <summary>Unique in the machine.</summary>
    public required string Name { get; init; }

    /// <summary>Segment (Linux: domain).</summary>
    public required ushort Segment { get; init; }

    /// <summary>The root bus.</summary>
    public required byte FirstBus { get; init; }

    /// <summary>Last bus, inclusive.</summary>
    public required byte LastBus { get; init; }

    /// <summary>Configuration space, 1 MiB a bus from <see cref="FirstBus"/>; out of a device tree it may be a controller's window to it.</summary>
    public required MemoryRange Ecam { get; init; }

    /// <summary>Memory windows.</summary>
    public required IReadOnlyList<PciWindowDescription> Windows { get; init; }

    /// <summary>What of the machine's map its devices reach (dma-ranges); none where all. Described, not enforced.</summary>
    public IReadOnlyList<PciWindowDescription> DmaWindows { get; init; } = [];

    /// <summary>Requester ID to StreamID; none where no IOMMU stands in front.</summary>
    public IdMap IommuMap { get; init; } = IdMap.None;

    /// <summary>Requester ID to DeviceID. An msi-parent is the identity at one controller.</summary>
    public IdMap MsiMap { get; init; } = IdMap.None;

    /// <summary>Root ports, all on the root bus.</summary>
    public IReadOnlyList<PciRootPortDescription> RootPorts { get; init; } = [];

    /// <summary>Further bridges, each after the one it hangs from: switches, bridges to conventional PCI.</summary>
    public IReadOnlyList<PciBridgeNode> Bridges { get; init; } = [];

    /// <summary>Root ports and further bridges, upstream first.</summary>
    public IEnumerable<PciBridgeNode> AllBridges =>
        RootPorts.Select(static port => new PciBridgeNode(port.Address, PciBridgeKind.RootPort, port.SecondaryBus, port.SubordinateBus, port.Acs)).Concat(Bridges);

    /// <summary>Where devices can be, in the order a tool should fill them.</summary>
    public IReadOnlyList<PciSlotDescription> Slots { get; init; } = [];

    /// <summary>True where the address is on conventional PCI: an Express device cannot be there.</summary>
    public bool IsConventional(PciAddress address) => Owns(address) && AllBridges.Any(bridge => bridge.IsConventionalBelow && bridge.SecondaryBus == address.Bus);

    /// <summary>True where the address is one of this host's buses.</summary>
    public bool Owns(PciAddress address) => address.Segment == Segment && address.Bus >= FirstBus && address.Bus <= LastBus;
}
