namespace Doorbell.Machines;

/// <summary>A bridge in a host's tree.</summary>
/// <param name="Address">Its own function: on the root bus, or on the bus below a bridge that stands before it.</param>
/// <param name="Kind">What it is.</param>
/// <param name="SecondaryBus">The bus below it.</param>
/// <param name="SubordinateBus">The last bus below it, inclusive.</param>
/// <param name="Acs">True where it has Access Control Services, or whatever Linux counts as such, so that what is below it is isolated (PCIe base 6.12). Ports only.</param>
public sealed record PciBridgeNode(PciAddress Address, PciBridgeKind Kind, byte SecondaryBus, byte SubordinateBus, bool Acs)
{
    /// <summary>Below it is a link: device 0 only (PCIe base 7.3.1).</summary>
    public bool HasLink => Kind is PciBridgeKind.RootPort or PciBridgeKind.DownstreamPort;

    /// <summary>Below it is conventional PCI.</summary>
    public bool IsConventionalBelow => Kind is PciBridgeKind.PcieToPci or PciBridgeKind.Conventional;
}
