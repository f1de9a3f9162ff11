namespace Doorbell.Machines.Yaml;

/// <summary><c>root-ports</c> and <c>slots</c> of a PCI host.</summary>
internal sealed class PciTopologySection(PciHostDescription host)
{
    private readonly List<PciRootPortDescription> _ports = [];
    private readonly List<PciSlotDescription> _slots = [];

    public List<PciRootPortDescription> ReadRootPorts(YamlMappingReader reader)
    {
        foreach (YamlMappingReader item in reader.Mappings("root-ports", "root port", optional: true))
        {
            PciAddress address = ReadAddress(item);
            if (address.Bus != host.FirstBus)
            {
                item.Fail("address", $"expected an address on the root bus, 0x{host.FirstBus:x}, not {address}.");
            }

            byte secondary = ReadBus(item, "secondary-bus", null, host.FirstBus + 1);
            byte subordinate = ReadBus(item, "subordinate-bus", secondary, secondary);
            if (_ports.Find(port => port.SecondaryBus <= subordinate && secondary <= port.SubordinateBus) is { } shared)
            {
                item.Fail("secondary-bus", $"bus 0x{secondary:x} is below {shared.Address} already: expected buses of its own.");
            }

            _ports.Add(new PciRootPortDescription(address, secondary, subordinate, item.YesOrNo("acs")));
            item.Finish();
        }

        return _ports;
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

        if (!_ports.Exists(port => port.SecondaryBus == address.Bus))
        {
            item.Fail("address", $"expected an address on the root bus or on the bus below a root port, not {address}.");
        }
        else if (address.Device != 0)
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
        else if (_ports.Exists(port => port.Address == address) || _slots.Exists(slot => slot.Address == address))
        {
            item.Fail("address", $"{address} is taken by an earlier root port or slot: expected an address of its own.");
        }

        return address;
    }

    private byte ReadBus(YamlMappingReader item, string key, byte? fallback, int first)
    {
        string expected = $"a bus from 0x{first:x} to 0x{host.LastBus:x}";
        if (first > host.LastBus)
        {
            item.Fail("address", $"the host has no bus left for what is below a root port: expected buses after 0x{host.FirstBus:x}.");
            return host.LastBus;
        }

        return (byte)item.Number(key, expected, (ulong)first, host.LastBus, fallback);
    }
}
