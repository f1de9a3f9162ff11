namespace Doorbell.Pci;

/// <summary>All host bridges of a machine: finds functions, knows their requester IDs as they arrive at the root, and which of them cannot be isolated from each other.</summary>
public sealed class PciTopology
{
    private readonly List<PciHostBridge> _hosts = [];

    /// <summary>Host bridges in the order they were added.</summary>
    public IReadOnlyList<PciHostBridge> Hosts => _hosts;

    /// <summary>
    /// Every function in the order Linux adds them to its device list (pci_bus_add_devices): a bus's functions first, then what is below its
    /// bridges. Group numbers follow from it.
    /// </summary>
    public IEnumerable<PciFunction> Functions => _hosts.SelectMany(host => Below(host.RootBus));

    /// <summary>Adds a host bridge.</summary>
    /// <returns>EEXIST where another one of the segment has some of its bus numbers.</returns>
    public Result Add(PciHostBridge host)
    {
        foreach (PciHostBridge other in _hosts)
        {
            if (other.Segment == host.Segment && other.FirstBus <= host.LastBus && host.FirstBus <= other.LastBus)
            {
                return Result.Fail(
                    Errno.EEXIST,
                    $"segment {host.Segment:x4}: buses {host.FirstBus:x2} to {host.LastBus:x2} overlap those of another host bridge, {other.FirstBus:x2} to {other.LastBus:x2}");
            }
        }

        _hosts.Add(host);
        return Result.Ok;
    }

    /// <summary>The function at an address, if there is one.</summary>
    public PciFunction? Find(PciAddress address)
    {
        foreach (PciHostBridge host in _hosts)
        {
            if (host.Segment == address.Segment && host.FindBus(address.Bus) is { } bus)
            {
                return bus.Functions.FirstOrDefault(function => function.Address == address);
            }
        }

        return null;
    }

    /// <summary>
    /// The requester IDs a function's transactions can carry, nearest first: its own, then those of bridges that put their own in its place
    /// (PCI Express to PCI bridges, 2.0 section 2.3; Linux, pci_for_each_dma_alias).
    /// </summary>
    public static IReadOnlyList<RequesterId> GetDmaAliases(PciFunction function)
    {
        List<RequesterId> aliases = [function.Address.RequesterId];
        for (PciBus? bus = function.Bus; bus?.Self is { } bridge; bus = bridge.Bus)
        {
            if (GetAlias(bridge) is { } alias)
            {
                aliases.Add(alias);
            }
        }

        return aliases;
    }

    /// <summary>The requester ID under which a function arrives at the root: the key into iommu-map and msi-map.</summary>
    public static RequesterId GetRequesterId(PciFunction function) => GetDmaAliases(function)[^1];

    /// <summary>
    /// Which functions cannot be isolated from each other (Linux, pci_device_group): behind one alias, below ports that do not redirect peer
    /// traffic to the root, or of one device without ACS. One list a group, in the order of <see cref="Functions"/>; every function is in one.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<PciFunction>> GetIsolationGroups()
    {
        var groups = new List<List<PciFunction>>();
        var groupOf = new Dictionary<PciFunction, List<PciFunction>>();
        foreach (PciFunction function in Functions)
        {
            List<PciFunction>? group = FindGroup(function, groupOf);
            if (group is null)
            {
                group = [];
                groups.Add(group);
            }

            group.Add(function);
            groupOf.Add(function, group);
        }

        return groups;
    }

    /// <summary>True where the function, or port, sends peer traffic up to the root instead of across (Linux, pci_acs_enabled with REQ_ACS_FLAGS).</summary>
    public static bool IsAcsEnabled(PciFunction function)
    {
        switch (function.Express?.Type)
        {
            // Conventional PCI has no ACS; bridges to and from it and event collectors are not covered by it (PCIe base 6.12.1).
            case null:
            case PciExpressType.PcieToPciBridge:
            case PciExpressType.PciToPcieBridge:
            case PciExpressType.RootComplexEventCollector:
                return false;

            // Ports must say so.
            case PciExpressType.RootPort:
            case PciExpressType.DownstreamPort:
                return function.Acs?.Isolates(AcsServices.Isolation) ?? false;

            // One function alone has no peer inside its device.
            default:
                return !function.IsMultifunction || (function.Acs?.Isolates(AcsServices.Isolation) ?? false);
        }
    }

    private static List<PciFunction>? FindGroup(PciFunction function, Dictionary<PciFunction, List<PciFunction>> groupOf)
    {
        // An alias is the IOMMU's finest grain: whatever it stands for shares its bridge's group.
        PciFunction top = function;
        for (PciBus? bus = function.Bus; bus?.Self is { } bridge; bus = bridge.Bus)
        {
            if (GetAlias(bridge) is not null)
            {
                top = bridge;
                if (groupOf.TryGetValue(bridge, out List<PciFunction>? aliased))
                {
                    return aliased;
                }
            }
        }

        // From there upstream until every port on the way to the root isolates.
        for (PciBus? bus = top.Bus; bus?.Self is { } bridge && !IsPathIsolated(bridge); bus = bridge.Bus)
        {
            top = bridge;
            if (groupOf.TryGetValue(bridge, out List<PciFunction>? shared))
            {
                return shared;
            }
        }

        // Functions of one device reach each other inside it.
        if (!top.IsMultifunction || IsAcsEnabled(top))
        {
            return null;
        }

        foreach (PciFunction sibling in top.Bus!.FunctionsOf(top.Address.Device))
        {
            if (sibling != top && !IsAcsEnabled(sibling) && groupOf.TryGetValue(sibling, out List<PciFunction>? group))
            {
                return group;
            }
        }

        return null;
    }

    private static bool IsPathIsolated(PciFunction start)
    {
        for (PciFunction? function = start; function is not null; function = function.Bus?.Self)
        {
            if (!IsAcsEnabled(function))
            {
                return false;
            }
        }

        return true;
    }

    private static RequesterId? GetAlias(PciBridge bridge) => bridge.Express?.Type switch
    {
        PciExpressType.PcieToPciBridge => new RequesterId((ushort)(bridge.SecondaryBus << 8)),
        PciExpressType.PciToPcieBridge or null => bridge.Address.RequesterId,
        _ => null,
    };

    private static IEnumerable<PciFunction> Below(PciBus bus)
    {
        foreach (PciFunction function in bus.Functions)
        {
            yield return function;
        }

        foreach (PciFunction function in bus.Functions)
        {
            if (function is PciBridge { Secondary: { } secondary })
            {
                foreach (PciFunction below in Below(secondary))
                {
                    yield return below;
                }
            }
        }
    }
}
