namespace Doorbell.Machines.DeviceTree;

/// <summary>
/// Root ports and slots of a host. A device tree has few of them, since PCI is discovered: the ports are those of the tree
/// where it has some, else what the kind of host has, and the slots are where a tool can put a device.
/// </summary>
internal sealed class RootBus(DtTree tree, DtNode node, PciHostFamily family, PciHostDescription host)
{
    private const byte FirstGenericPort = 1;
    private const byte GenericPorts = 2;
    private const byte GenericSlot = 3;

    private readonly List<PciRootPortDescription> _ports = [];
    private readonly List<PciSlotDescription> _slots = [];
    private readonly HashSet<(string Target, uint Id)> _ids = [];

    /// <summary>The host with its ports and slots.</summary>
    public PciHostDescription Complete()
    {
        int secondary = host.FirstBus + 1;
        foreach (byte devFn in PortsOfTree().Distinct())
        {
            secondary += AddPort(devFn, secondary) ? 1 : 0;
        }

        if (_ports.Count == 0)
        {
            byte[] ports = family.HasRootBus ? [.. Enumerable.Range(FirstGenericPort, GenericPorts).Select(device => (byte)(device << 3))] : [0];
            foreach (byte devFn in ports)
            {
                secondary += AddPort(devFn, secondary) ? 1 : 0;
            }
        }

        if (family.HasRootBus && _ports.Count > 0)
        {
            AddSlot(new PciAddress(host.Segment, host.FirstBus, GenericSlot, 0));
        }

        // No bus left for anything behind a port: devices of the root complex.
        for (byte device = 0; _ports.Count == 0 && device < 2; device++)
        {
            AddSlot(new PciAddress(host.Segment, host.FirstBus, device, 0));
        }

        return host with { RootPorts = _ports, Slots = _slots };
    }

    private IEnumerable<byte> PortsOfTree()
    {
        foreach (DtNode child in node.Children)
        {
            if (child.Find("device_type") is { } type && type.Value.SequenceEqual("pci\0"u8) && child.IsEnabled && child.Find("reg") is { CellCount: > 0 } reg)
            {
                // phys.hi: bus 23:16, device and function 15:8 (IEEE 1275 PCI binding 2.2.1.1).
                yield return (byte)(reg.Cell(0) >> 8);
            }
        }
    }

    private bool AddPort(byte devFn, int secondary)
    {
        if (secondary > host.LastBus || !tree.Errors.First.IsOk)
        {
            return false;
        }

        var port = new PciAddress(host.Segment, host.FirstBus, (byte)(devFn >> 3), (byte)(devFn & 7));
        var slot = new PciAddress(host.Segment, (byte)secondary, 0, 0);
        bool apart = !IdsOf(port).Any(IdsOf(slot).Contains);
        if (_ports.Any(other => other.Address == port) || IdsOf(port).Concat(IdsOf(slot)).Any(_ids.Contains) || (!IsCovered(slot) && _ports.Count > 0))
        {
            return false;
        }

        // What shares an ID with its port cannot be kept apart from it, whatever the port can do.
        _ports.Add(new PciRootPortDescription(port, (byte)secondary, (byte)secondary, Acs: apart));
        _slots.Add(new PciSlotDescription(slot, null));
        _ids.UnionWith(IdsOf(port));
        _ids.UnionWith(IdsOf(slot));
        return true;
    }

    private void AddSlot(PciAddress slot)
    {
        if (IsCovered(slot) && !_ports.Exists(port => port.Address == slot) && !IdsOf(slot).Any(_ids.Contains))
        {
            _slots.Add(new PciSlotDescription(slot, null));
            _ids.UnionWith(IdsOf(slot));
        }
    }

    // Where the host's maps are for some requesters only, devices are put where those are.
    private bool IsCovered(PciAddress slot) =>
        (host.IommuMap.Entries.Count == 0 || host.IommuMap.TryMap(slot.RequesterId, out _, out _))
        && (host.MsiMap.Entries.Count == 0 || host.MsiMap.TryMap(slot.RequesterId, out _, out _));

    private List<(string Target, uint Id)> IdsOf(PciAddress address)
    {
        var ids = new List<(string, uint)>();
        if (host.IommuMap.TryMap(address.RequesterId, out string iommu, out uint stream))
        {
            ids.Add((iommu, stream));
        }

        if (host.MsiMap.TryMap(address.RequesterId, out string controller, out uint device))
        {
            ids.Add((controller, device));
        }

        return ids;
    }
}
