namespace Doorbell.Pci;

/// <summary>A host bridge: a segment's (part of) bus numbers and the tree of buses below its root bus.</summary>
public sealed class PciHostBridge
{
    private readonly SortedList<byte, PciBus> _buses = [];

    /// <summary>A host bridge with an empty root bus.</summary>
    /// <param name="segment">The PCI segment.</param>
    /// <param name="firstBus">Number of the root bus.</param>
    /// <param name="lastBus">Last bus number it decodes, inclusive.</param>
    public PciHostBridge(ushort segment, byte firstBus, byte lastBus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(lastBus, firstBus);
        Segment = segment;
        FirstBus = firstBus;
        LastBus = lastBus;
        RootBus = new PciBus(segment, firstBus, null, null);
        _buses.Add(firstBus, RootBus);
    }

    /// <summary>The PCI segment (Linux: domain).</summary>
    public ushort Segment { get; }

    /// <summary>Number of the root bus.</summary>
    public byte FirstBus { get; }

    /// <summary>Last bus number it decodes, inclusive.</summary>
    public byte LastBus { get; }

    /// <summary>The bus of the host bridge itself.</summary>
    public PciBus RootBus { get; }

    /// <summary>Buses that exist, by number.</summary>
    public IReadOnlyList<PciBus> Buses => _buses.Values.AsReadOnly();

    /// <summary>The bus with this number, if it exists.</summary>
    public PciBus? FindBus(byte number) => _buses.GetValueOrDefault(number);

    /// <summary>Places a function on the bus its address names; a bridge's secondary bus exists from then on.</summary>
    /// <returns>ENODEV where that bus does not exist, EEXIST or EINVAL where the place or the bridge's bus numbers are not free.</returns>
    public Result Add(PciFunction function)
    {
        if (function.Address.Segment != Segment || FindBus(function.Address.Bus) is not { } bus)
        {
            return Result.Fail(Errno.ENODEV, $"{function.Name}: there is no bus {function.Address.Segment:x4}:{function.Address.Bus:x2}; a bridge that leads to it has to come first");
        }

        if (function is not PciBridge bridge)
        {
            return bus.Add(function);
        }

        byte ceiling = bus.Self?.SubordinateBus ?? LastBus;
        if (bridge.SubordinateBus > ceiling)
        {
            return Result.Fail(Errno.EINVAL, $"{bridge.Name}: buses up to {bridge.SubordinateBus:x2} do not fit below bus {bus.Number:x2}, which reaches to {ceiling:x2}");
        }

        foreach (PciFunction sibling in bus.Functions)
        {
            if (sibling is PciBridge other && other.SecondaryBus <= bridge.SubordinateBus && bridge.SecondaryBus <= other.SubordinateBus)
            {
                return Result.Fail(Errno.EINVAL, $"{bridge.Name}: buses {bridge.SecondaryBus:x2} to {bridge.SubordinateBus:x2} overlap those of {other.Name}");
            }
        }

        Result added = bus.Add(bridge);
        if (added.IsOk)
        {
            _buses.Add(bridge.SecondaryBus, bridge.CreateSecondary());
        }

        return added;
    }
}
