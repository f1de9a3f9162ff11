namespace Doorbell.Machines.DeviceTree;

/// <summary>A PCI host bridge's node (IEEE 1275 PCI binding; Devicetree binding pci-host-bridge).</summary>
internal sealed class PciHostSection(DtTree tree, DtNaming naming, SmmuSection smmus, MsiSection msis)
{
    private const int AddressCells = 3;
    private const int SizeCells = 2;
    private const int MemoryRows = 256;

    // phys.hi: space code in bits 25:24 (IEEE 1275 PCI binding 2.2.1.1).
    private const int SpaceShift = 24;
    private const uint SpaceMask = 3;
    private const uint Memory32 = 2;

    private static readonly string[] ConfigurationNames = ["config", "cfg", "cs"];

    /// <summary>True for a PCI host bridge, in use or not.</summary>
    public static bool IsHost(DtNode node) => IsPci(node) && node.Parent is { } parent && !IsPci(parent);

    /// <summary>Reads one; <paramref name="segment"/> is what it has where its node does not say.</summary>
    public PciHostDescription Read(DtNode node, ushort segment)
    {
        string name = naming.NameOf(node);
        if (tree.AddressCells(node) != AddressCells || tree.SizeCells(node) != SizeCells)
        {
            tree.Errors.Fail(node, "#address-cells", $"{tree.AddressCells(node)}, and #size-cells {tree.SizeCells(node)}: expected {AddressCells} and {SizeCells}, as PCI has");
        }

        PciHostFamily family = PciHostFamily.Of(node);
        MemoryRange configuration = ReadConfiguration(node);
        (byte first, byte last) = ReadBuses(node, family, configuration);
        List<PciWindowDescription> windows = ReadWindows(node, "ranges");
        if (windows.Count == 0)
        {
            tree.Errors.Fail(node, "ranges", "no row is of memory space: expected a window for devices' BARs");
        }

        var host = new PciHostDescription
        {
            Name = name,
            Segment = (ushort)(tree.ReadCell(node, "linux,pci-domain", "a segment of 0 to 0xffff", 0, 0xffff) ?? segment),
            FirstBus = first,
            LastBus = last,
            Ecam = configuration,
            Windows = windows,
            DmaWindows = node.Has("dma-ranges") ? ReadWindows(node, "dma-ranges") : [],
            IommuMap = ReadIommuMap(node, name),
            MsiMap = msis.ReadMap(node, family, name),
        };
        return new RootBus(tree, node, family, host).Complete();
    }

    private static bool IsPci(DtNode node) => node.Find("device_type") is { } type && type.Value.SequenceEqual("pci\0"u8);

    private MemoryRange ReadConfiguration(DtNode node)
    {
        IReadOnlyList<MemoryRange> registers = tree.ReadRegisters(node);
        IReadOnlyList<string> names = tree.ReadStrings(node, "reg-names");
        for (int i = 0; i < Math.Min(names.Count, registers.Count); i++)
        {
            if (ConfigurationNames.Contains(names[i]))
            {
                return registers[i];
            }
        }

        return registers.Count > 0 ? registers[0] : default;
    }

    private (byte First, byte Last) ReadBuses(DtNode node, PciHostFamily family, MemoryRange configuration)
    {
        uint first = 0, last = 0xff;
        if (node.Find("bus-range") is { } range)
        {
            if (range.Value.Length != 8 || range.Cell(0) > range.Cell(1) || range.Cell(1) > 0xff)
            {
                tree.Errors.Fail(node, "bus-range", range.Value.Length == 8 ? $"expected a first and a last bus of 0 to 0xff, not 0x{range.Cell(0):x} and 0x{range.Cell(1):x}" : $"expected two cells, not {range.Value.Length} bytes");
                return default;
            }

            first = range.Cell(0);
            last = range.Cell(1);
        }

        if (family.BusShift == 0 || !tree.Errors.First.IsOk)
        {
            return ((byte)first, (byte)last);
        }

        // As many as have configuration space (Linux, pci_ecam_create).
        ulong buses = configuration.Size >> family.BusShift;
        if (buses == 0)
        {
            tree.Errors.Fail(node, "reg", $"configuration space has 0x{configuration.Size:x} bytes: expected 0x{1 << family.BusShift:x} a bus");
            return default;
        }

        return ((byte)first, (byte)Math.Min(last, first + buses - 1));
    }

    private List<PciWindowDescription> ReadWindows(DtNode node, string property)
    {
        var windows = new List<PciWindowDescription>();
        if (node.Find(property) is not { } ranges || node.Parent is not { } bus)
        {
            tree.Errors.Fail(node, property, "the property is missing: expected the PCI addresses that the CPUs reach");
            return windows;
        }

        int cpuCells = tree.AddressCells(bus);
        int row = AddressCells + cpuCells + SizeCells;
        if (cpuCells is < 1 or > 2 || !ranges.IsCells || ranges.CellCount % row != 0 || ranges.CellCount / row > MemoryRows)
        {
            tree.Errors.Fail(node, property, $"expected rows of {AddressCells} cells of PCI address, {cpuCells} of the parent's address and {SizeCells} of size, not {ranges.Value.Length} bytes");
            return windows;
        }

        for (int at = 0; at < ranges.CellCount && tree.Errors.First.IsOk; at += row)
        {
            ulong address = ranges.Number(at + 1, 2), parent = ranges.Number(at + AddressCells, cpuCells), size = ranges.Number(at + AddressCells + cpuCells, SizeCells);
            if (((ranges.Cell(at) >> SpaceShift) & SpaceMask) < Memory32 || size == 0)
            {
                continue;
            }

            if (size - 1 > ulong.MaxValue - address)
            {
                tree.Errors.Fail(node, property, $"0x{size:x} bytes at PCI address 0x{address:x}: expected an end below 2^64");
                break;
            }

            // What devices may write to is looked at no further: no row of it is enforced, and some reach beyond any machine's map.
            MemoryRange? range = property == "ranges" ? tree.Translate(node, property, bus, parent, size) : new MemoryRange(new PhysicalAddress(parent), size);
            if (range is { } found && windows.Find(other => Overlap(other.BusAddress, other.BusLast, address, address + (size - 1)) || other.Range.Overlaps(found)) is { } shared && property == "ranges")
            {
                tree.Errors.Fail(node, property, $"the rows of PCI addresses 0x{shared.BusAddress:x}-0x{shared.BusLast:x} and 0x{address:x}-0x{address + (size - 1):x} overlap: expected rows that share nothing");
            }

            if (range is { } window)
            {
                windows.Add(new PciWindowDescription(window, address));
            }
        }

        return windows;
    }

    private static bool Overlap(ulong first, ulong last, ulong otherFirst, ulong otherLast) => first <= otherLast && otherFirst <= last;

    private IdMap ReadIommuMap(DtNode node, string name)
    {
        if (IdMapSection.Read(tree, node, "iommu-map", target => NameOfIommu(node, "iommu-map", target, name)) is { } map)
        {
            return map;
        }

        if (node.Has("iommus"))
        {
            naming.Note($"{name}: iommus is of the host itself; its devices would need an iommu-map, and are not translated.");
        }

        // The older binding: the SMMU lists its masters, and a PCI device's StreamID is its requester ID (Linux, arm-smmu, "mmu-masters").
        if (tree.PhandleOf(node) is { } phandle)
        {
            foreach (DtNode smmu in tree.Nodes.Where(candidate => candidate.Has("mmu-masters") && SmmuSection.IsSmmu(candidate)))
            {
                DtProperty masters = smmu.Find("mmu-masters")!;
                for (int at = 0; at < masters.CellCount; at++)
                {
                    DtNode? master = tree.Find(masters.Cell(at));
                    if (masters.Cell(at) == phandle)
                    {
                        return NameOfIommu(smmu, "mmu-masters", smmu, name) is { } iommu ? IdMap.Identity(iommu) : IdMap.None;
                    }

                    at += master?.Find("#stream-id-cells") is { Value.Length: 4 } cells ? (int)Math.Min(cells.Cell(0), (uint)masters.CellCount) : 0;
                }
            }
        }

        return IdMap.None;
    }

    private string? NameOfIommu(DtNode node, string property, DtNode target, string host)
    {
        if (!target.IsReachable)
        {
            naming.Note($"{host}: its IOMMU {target.Name} is disabled, so that nothing translates its devices.");
            return null;
        }

        if (SmmuSection.IsSmmu(target))
        {
            return smmus.Read(target).Name;
        }

        tree.Errors.Fail(Errno.EOPNOTSUPP, $"{node.Path}: {property}: {target.Path} is {target.Kind}, which is not modelled: expected an Arm SMMU");
        return null;
    }
}
