using Doorbell.Iommu;

namespace Doorbell.Machines.Yaml;

/// <summary>An element of <c>pci-hosts</c>.</summary>
internal sealed class PciHostSection(List<MsiControllerDescription> controllers, List<IommuDescription> iommus, MemoryClaims claims)
{
    // Seattle's device tree maps all requester IDs to an MMU-401, which has 15 bits of StreamID.
    private readonly IdMapSection _iommuMap = new("iommu-map", "iommu", "stream-base", "IOMMU", IommuIds(iommus), mayEndBeyond: true);
    private readonly IdMapSection _msiMap = new("msi-map", "controller", "device-base", "MSI controller", ControllerIds(controllers));
    private readonly List<PciHostDescription> _hosts = [];

    public PciHostDescription Read(YamlMappingReader reader)
    {
        string name = claims.ReadName(reader);
        ushort segment = (ushort)reader.Number("segment", "a segment from 0 to 0xffff", 0, 0xffff, 0);
        (byte first, byte last) = ReadBuses(reader);
        var host = new PciHostDescription
        {
            Name = name,
            Segment = segment,
            FirstBus = first,
            LastBus = last,
            Ecam = ReadEcam(reader, name, last - first + 1),
            Windows = ReadWindows(reader, name),
            IommuMap = _iommuMap.Read(reader),
            MsiMap = ReadMsiMap(reader),
        };
        if (_hosts.Find(other => other.Segment == segment && other.FirstBus <= last && first <= other.LastBus) is { } shared)
        {
            reader.Fail("buses", $"buses 0x{first:x} to 0x{last:x} of segment {segment} overlap those of {shared.Name}: expected buses of its own.");
        }

        CheckMsiWindows(reader, host);
        var topology = new PciTopologySection(host);
        host = host with { RootPorts = topology.ReadRootPorts(reader), Bridges = topology.ReadBridges(reader), Slots = topology.ReadSlots(reader) };
        reader.Finish();
        _hosts.Add(host);
        return host;
    }

    // A name given twice has been refused by now. A GICv2m frame does not look at DeviceIDs.
    private static Dictionary<string, int> ControllerIds(List<MsiControllerDescription> controllers)
    {
        var ids = new Dictionary<string, int>();
        foreach (MsiControllerDescription controller in controllers)
        {
            ids.TryAdd(controller.Name, controller switch
            {
                GicV3ItsDescription its => its.DeviceIdBits,
                ApicDescription => 16,
                _ => 32,
            });
        }

        return ids;
    }

    private static Dictionary<string, int> IommuIds(List<IommuDescription> iommus)
    {
        var ids = new Dictionary<string, int>();
        foreach (IommuDescription iommu in iommus)
        {
            ids.TryAdd(iommu.Name, iommu.StreamIdBits ?? iommu.GetEngineModel().StreamIdBits);
        }

        return ids;
    }

    private static (byte First, byte Last) ReadBuses(YamlMappingReader reader)
    {
        if (reader.Mapping("buses", "a mapping of first and last", optional: true) is not { } buses)
        {
            return (0, 0xff);
        }

        byte first = (byte)buses.Number("first", "a bus from 0 to 0xff", 0, 0xff);
        byte last = (byte)buses.Number("last", $"a bus from 0x{first:x} to 0xff", first, 0xff);
        buses.Finish();
        return (first, last);
    }

    private MemoryRange ReadEcam(YamlMappingReader reader, string name, int buses)
    {
        if (reader.Mapping("ecam", "a mapping of base and size", optional: false) is not { } ecam)
        {
            return new MemoryRange(default, 1);
        }

        MemoryRange range = claims.Read(ecam, $"ECAM of {name}", alignment: 0x10_0000);
        if (range.Size < (ulong)buses << 20)
        {
            ecam.Fail("size", $"expected 1M a bus, {buses}M for the host's buses, not 0x{range.Size:x}.");
        }

        ecam.Finish();
        return range;
    }

    private List<PciWindowDescription> ReadWindows(YamlMappingReader reader, string name)
    {
        var windows = new List<PciWindowDescription>();
        foreach (YamlMappingReader item in reader.Mappings("windows", "memory window", optional: false))
        {
            MemoryRange range = claims.Read(item, $"window of {name}", alignment: 0x1000);
            ulong bus = item.Number("bus-address", "the PCI address of the window's first byte", 0, ulong.MaxValue - range.Size, range.Base.Value);
            windows.Add(new PciWindowDescription(range, bus));
            item.Finish();
        }

        return windows;
    }

    private IdMap ReadMsiMap(YamlMappingReader reader)
    {
        if (!reader.Has("msi-parent"))
        {
            return _msiMap.Read(reader);
        }

        if (reader.Has("msi-map") || reader.Has("msi-map-mask"))
        {
            reader.Fail("msi-parent", "stands beside msi-map: expected one of the two.");
        }

        string parent = _msiMap.ReadTarget(reader, "msi-parent");
        if (controllers.Find(controller => controller.Name == parent) is GicV3ItsDescription { DeviceIdBits: < 16 } its)
        {
            reader.Fail("msi-parent", $"ITS {its.Name} knows {its.DeviceIdBits} bits of DeviceID: expected an msi-map that brings requester IDs into them.");
        }

        return IdMap.Identity(parent);
    }

    // A device's write to a bridge window is routed to a peer before it reaches the IOMMU, so no doorbell may get an IOVA there (I9).
    private void CheckMsiWindows(YamlMappingReader reader, PciHostDescription host)
    {
        foreach (IommuDescription iommu in iommus.Where(iommu => host.IommuMap.Entries.Any(entry => entry.Target == iommu.Name)))
        {
            foreach (PciWindowDescription window in host.Windows)
            {
                foreach (ReservedRegion region in iommu.ReservedRegions.Where(region => window.BusAddress <= region.Last.Value && region.Base.Value <= window.BusLast))
                {
                    reader.Fail("windows", $"PCI addresses 0x{window.BusAddress:x}-0x{window.BusLast:x} overlap the MSI window of IOMMU {iommu.Name}, {region.Base}-{region.Last}: expected a window that devices do not reach each other by.");
                }
            }
        }
    }
}
