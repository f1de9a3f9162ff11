namespace Doorbell.Machines.Yaml;

/// <summary><c>root-ports</c>, <c>bridges</c> and <c>slots</c> of a PCI host.</summary>
internal sealed class PciTopologySection(PciHostDescription host)
{
    private readonly List<PciRootPortDescription> _ports = [];
    private readonly List<PciBridgeNode> _bridges = [];
    private readonly List<PciSlotDescription> _slots = [];

    private IEnumerable<PciBridgeNode> AllBridges => (host with { RootPorts = _ports, Bridges = _bridges }).AllBridges;

    public List<PciRootPortDescription> ReadRootPorts(YamlMappingReader reader)
    {
        foreach (YamlMappingReader item in reader.Mappings("root-ports", "root port", optional: true))
        {
            PciAddress address = ReadAddress(item);
            if (address.Bus != host.FirstBus)
            {
                item.Fail("address", $"expected an address on the root bus, 0x{host.FirstBus:x}, not {address}.");
            }

            byte secondary = ReadBus(item, "secondary-bus", null, host.FirstBus + 1, host.LastBus);
            byte subordinate = ReadBus(item, "subordinate-bus", secondary, secondary, host.LastBus);
            if (_ports.Find(port => port.SecondaryBus <= subordinate && secondary <= port.SubordinateBus) is { } shared)
            {
                item.Fail("secondary-bus", $"bus 0x{secondary:x} is below {shared.Address} already: expected buses of its own.");
            }

            _ports.Add(new PciRootPortDescription(address, secondary, subordinate, item.YesOrNo("acs")));
            item.Finish();
        }

        return _ports;
    }

    public List<PciBridgeNode> ReadBridges(YamlMappingReader reader)
    {
        foreach (YamlMappingReader item in reader.Mappings("bridges", "bridge", optional: true))
        {
            PciAddress address = ReadAddress(item);
            PciBridgeKind kind = item.OneOf(
                "type",
                ("root-port", PciBridgeKind.RootPort),
                ("upstream-port", PciBridgeKind.UpstreamPort),
                ("downstream-port", PciBridgeKind.DownstreamPort),
                ("pcie-to-pci", PciBridgeKind.PcieToPci),
                ("conventional", PciBridgeKind.Conventional));
            PciBridgeNode? parent = AllBridges.FirstOrDefault(bridge => bridge.SecondaryBus == address.Bus);
            CheckParent(item, address, kind, parent);
            byte last = parent?.SubordinateBus ?? host.LastBus;
            byte secondary = ReadBus(item, "secondary-bus", null, address.Bus + 1, last);
            byte subordinate = ReadBus(item, "subordinate-bus", secondary, secondary, last);
            if (AllBridges.FirstOrDefault(bridge => bridge != parent && bridge.Address.Bus == address.Bus && bridge.SecondaryBus <= subordinate && secondary <= bridge.SubordinateBus) is { } shared)
            {
                item.Fail("secondary-bus", $"bus 0x{secondary:x} is below {shared.Address} already: expected buses of its own.");
            }

            bool isPort = kind is not (PciBridgeKind.PcieToPci or PciBridgeKind.Conventional);
            _bridges.Add(new PciBridgeNode(address, kind, secondary, subordinate, isPort && item.YesOrNo("acs")));
            item.Finish();
        }

        return _bridges;
    }

    public List<PciSlotDescription> ReadSlots(YamlMappingReader reader)
    {
        foreach (YamlMappingReader item in reader.Mappings("slots", "slot", optional: true))
        {
            PciAddress address = ReadAddress(item);
            CheckPlace(item, address);
            DeviceSpec? device = item.Has("device") ? ReadDevice(item, address) : null;
            _slots.Add(new PciSlotDescription(address, device));
            item.Finish();
        }

        return _slots;
    }

    private static DeviceSpec ReadDevice(YamlMappingReader slot, PciAddress address)
    {
        YamlMappingReader device = slot.Mapping("device", "a mapping of model and options", optional: false)!;
        string model = device.Name("model");
        YamlMappingReader? options = device.Mapping("options", "a mapping of the model's options", optional: true);
        device.Finish();
        return new DeviceSpec { Address = address, Model = model, Options = options is null ? [] : [.. options.AllTexts()] };
    }

    private void CheckPlace(YamlMappingReader item, PciAddress address)
    {
        if (address.Bus == host.FirstBus)
        {
            return;
        }

        PciBridgeNode? parent = AllBridges.FirstOrDefault(bridge => bridge.SecondaryBus == address.Bus);
        CheckBus(item, address, parent);
        if (parent is { Kind: PciBridgeKind.UpstreamPort })
        {
            item.Fail("address", $"bus 0x{address.Bus:x} is inside the switch at {parent.Address}: expected an address below one of its downstream ports, not {address}.");
        }
    }

    private void CheckParent(YamlMappingReader item, PciAddress address, PciBridgeKind kind, PciBridgeNode? parent)
    {
        CheckBus(item, address, parent);
        string? where = (kind, parent) switch
        {
            (PciBridgeKind.RootPort, not null) => "a root port stands on the root bus",
            (PciBridgeKind.UpstreamPort, not { HasLink: true }) => "a switch's upstream port stands below a root port or a downstream port",
            (PciBridgeKind.DownstreamPort, not { Kind: PciBridgeKind.UpstreamPort }) => "a downstream port stands below its switch's upstream port",
            (PciBridgeKind.PcieToPci, { HasLink: false }) => "a bridge to conventional PCI stands on the root bus, or below a root port or a downstream port",
            (PciBridgeKind.Conventional, { IsConventionalBelow: false }) => "a conventional bridge stands on the root bus or on conventional PCI",
            _ => null,
        };
        if (where is not null)
        {
            item.Fail("address", $"{where}: expected such an address, not {address}.");
        }
    }

    private void CheckBus(YamlMappingReader item, PciAddress address, PciBridgeNode? parent)
    {
        if (address.Bus == host.FirstBus)
        {
            return;
        }

        if (parent is null)
        {
            item.Fail("address", $"expected an address on the root bus or on the bus below a root port or an earlier bridge, not {address}.");
        }
        else if (parent.HasLink && address.Device != 0)
        {
            item.Fail("address", $"a link has device 0 only (PCIe base 7.3.1): expected {address with { Device = 0 }}, not {address}.");
        }
    }

    private PciAddress ReadAddress(YamlMappingReader item)
    {
        const string expected = "a PCI address, as in 00:05.0 or 0000:01:00.0";
        string text = item.Text("address", expected);
        if (text.Length == 7 && PciAddress.TryParse(text, out PciAddress address))
        {
            address = address with { Segment = host.Segment };
        }
        else if (!PciAddress.TryParse(text, out address))
        {
            if (text.Length > 0)
            {
                item.Fail("address", $"expected {expected}, not \"{text}\".");
            }

            return new PciAddress(host.Segment, host.FirstBus, 0, 0);
        }

        if (!host.Owns(address))
        {
            item.Fail("address", $"{address} is not on the host's segment and buses, {host.Segment:x4}:{host.FirstBus:x2} to {host.LastBus:x2}: expected one that is.");
        }
        else if (AllBridges.Any(bridge => bridge.Address == address) || _slots.Exists(slot => slot.Address == address))
        {
            item.Fail("address", $"{address} is taken by an earlier root port, bridge or slot: expected an address of its own.");
        }

        return address;
    }

    private static byte ReadBus(YamlMappingReader item, string key, byte? fallback, int first, byte last)
    {
        string expected = $"a bus from 0x{first:x} to 0x{last:x}";
        if (first > last)
        {
            item.Fail("address", $"there is no bus left for what is below the bridge: expected its bus to be one before 0x{last:x}.");
            return last;
        }

        return (byte)item.Number(key, expected, (ulong)first, last, fallback);
    }
}
