namespace Doorbell.Machines.DeviceTree;

/// <summary>Which controller takes a PCI host's MSIs.</summary>
internal sealed class MsiSection(DtTree tree, DtNaming naming, GicSection gic)
{
    private const int MaxDeviceIdBits = 28;
    private const int MaxOthers = 256;

    // MSIs of controllers that are neither the GIC's nor a host's own.
    private static readonly Dictionary<string, int> Vectors = new()
    {
        ["apm,xgene1-msi"] = 2048,
        ["fsl,ls1012a-msi"] = 32,
        ["fsl,ls1021a-msi"] = 32,
        ["fsl,ls1043a-msi"] = 32,
        ["fsl,ls1046a-msi"] = 128,
    };

    private const int DefaultVectors = 32;

    private readonly Dictionary<DtNode, MsiControllerDescription> _others = [];
    private readonly Dictionary<string, ulong> _lastDeviceIds = [];

    /// <summary>Every controller of the machine, ITSs with as many bits of DeviceID as the maps need.</summary>
    public IEnumerable<MsiControllerDescription> Controllers => gic.Controllers.Values.Concat(_others.Values).Distinct().Select(WithDeviceIdBits);

    /// <summary>The host's requester IDs and what its controller calls them; none where the tree has no controller for it.</summary>
    public IdMap ReadMap(DtNode host, PciHostFamily family, string name)
    {
        IdMap? map = IdMapSection.Read(tree, host, "msi-map", target => NameOf(host, target, family, name));
        DtNode? parent = ReadParent(host, map is not null);
        if (map is null)
        {
            bool own = family.OwnByDefault && !host.Has("msi-parent");
            map = parent is not null && NameOf(host, parent, family, name) is { } controller ? IdMap.Identity(controller)
                : own ? IdMap.Identity(Own(host, family).Name) : IdMap.None;
        }

        if (map.Entries.Count == 0 && tree.Errors.First.IsOk)
        {
            naming.Note($"{name}: nothing in the tree takes MSIs of its devices.");
        }

        foreach (IdMapEntry entry in map.Entries)
        {
            ulong last = (ulong)entry.OutputBase + entry.Length - 1;
            _lastDeviceIds[entry.Target] = Math.Max(last, _lastDeviceIds.GetValueOrDefault(entry.Target));
            if (last >> MaxDeviceIdBits != 0 && gic.Controllers.Values.Any(its => its is GicV3ItsDescription && its.Name == entry.Target))
            {
                tree.Errors.Fail(host, "msi-map", $"the last DeviceID of a row is 0x{last:x}: expected one of {MaxDeviceIdBits} bits at most");
            }
        }

        return map;
    }

    // Linux takes msi-parent for a whole host where the controller counts no cells of its own; msi-map goes first (pci_msi_get_device_domain).
    private DtNode? ReadParent(DtNode host, bool hasMap)
    {
        if (host.Find("msi-parent") is not { } property)
        {
            return null;
        }

        if (!property.IsCells || property.Value.IsEmpty)
        {
            tree.Errors.Fail(host, "msi-parent", $"expected the phandle of an MSI controller, not {property.Value.Length} bytes");
            return null;
        }

        DtNode? parent = tree.Follow(host, "msi-parent", property.Cell(0));
        if (parent is not null && parent == host && !host.Has("msi-controller"))
        {
            tree.Errors.Fail(host, "msi-parent", "the host is its own MSI controller, and has no msi-controller: expected a controller");
            return null;
        }

        return hasMap ? null : parent;
    }

    private string? NameOf(DtNode host, DtNode target, PciHostFamily family, string name)
    {
        if (target == host)
        {
            return Own(host, family).Name;
        }

        if (!target.IsReachable)
        {
            naming.Note($"{name}: its MSI controller {target.Name} is disabled.");
            return null;
        }

        if (gic.Controllers.TryGetValue(target, out MsiControllerDescription? known))
        {
            return known.Name;
        }

        if (!target.Has("msi-controller"))
        {
            tree.Errors.Fail(host, host.Has("msi-map") ? "msi-map" : "msi-parent", $"{target.Path} ({target.Kind}) has no msi-controller: expected an MSI controller that takes MSIs of PCI devices");
            return null;
        }

        return Other(target, Vectors.GetValueOrDefault(target.Kind, DefaultVectors), inHost: false).Name;
    }

    private MsiControllerDescription Own(DtNode host, PciHostFamily family) => Other(host, Math.Max(family.OwnVectors, 1), inHost: true);

    private MsiControllerDescription Other(DtNode node, int vectors, bool inHost)
    {
        if (_others.TryGetValue(node, out MsiControllerDescription? known))
        {
            return known;
        }

        PhysicalAddress registers = tree.ReadFirstRegister(node)?.Base ?? default;
        var controller = new SocMsiDescription
        {
            Name = naming.NameOf(node, inHost ? "-msi" : ""),
            Product = node.Kind,
            Page = new PhysicalAddress(registers.Value & ~(SocMsiDescription.PageSize - 1)),
            Vectors = vectors,
            IsInHost = inHost,
        };
        _others.Add(node, controller);
        if (_others.Count > MaxOthers)
        {
            tree.Errors.Fail(node, null, $"more than {MaxOthers} MSI controllers that are no GIC's: expected {MaxOthers} at most");
        }

        if (inHost)
        {
            naming.Note($"{controller.Name}: the host takes its devices' MSIs itself, {vectors} of them, before an IOMMU sees them; where, its driver chooses, and {controller.Doorbell} is assumed.");
        }

        return controller;
    }

    private MsiControllerDescription WithDeviceIdBits(MsiControllerDescription controller)
    {
        if (controller is not GicV3ItsDescription { PreIts: null } its || !_lastDeviceIds.TryGetValue(its.Name, out ulong last))
        {
            return controller;
        }

        return its with { DeviceIdBits = Math.Max(its.DeviceIdBits, 64 - System.Numerics.BitOperations.LeadingZeroCount(last)) };
    }
}
