namespace Doorbell.Machines.DeviceTree;

/// <summary>A device tree: its nodes, and what their cells mean together.</summary>
internal sealed class DtTree
{
    /// <summary>Rows of <c>ranges</c> looked at in a whole tree; boards take some thousands. A hostile tree has many rows, and many addresses to take through them.</summary>
    private const int MaxRows = 1 << 20;

    private readonly Dictionary<uint, DtNode> _phandles = [];
    private int _rows;

    /// <summary>Indexes the phandles.</summary>
    public DtTree(DtNode root, DtErrors errors)
    {
        Root = root;
        Errors = errors;
        Nodes = [.. root.SelfAndBelow];
        foreach (DtNode node in Nodes)
        {
            if (ReadPhandle(node) is { } phandle && !_phandles.TryAdd(phandle, node))
            {
                errors.Fail(node, "phandle", $"0x{phandle:x} is the phandle of {_phandles[phandle].Path} already: expected one of its own");
            }
        }
    }

    /// <summary>Every node, in the order of the tree.</summary>
    public IReadOnlyList<DtNode> Nodes { get; }

    /// <summary>The root node.</summary>
    public DtNode Root { get; }

    /// <summary>What is wrong with the tree.</summary>
    public DtErrors Errors { get; }

    /// <summary>The node of that phandle, or null.</summary>
    public DtNode? Find(uint phandle) => _phandles.GetValueOrDefault(phandle);

    /// <summary>The node's phandle; null where nothing can refer to it.</summary>
    public uint? PhandleOf(DtNode node) => ReadPhandle(node);

    /// <summary>The node a phandle in a property names; null, and a failure told, where there is none.</summary>
    public DtNode? Follow(DtNode node, string property, uint phandle)
    {
        DtNode? target = Find(phandle);
        if (target is null)
        {
            Errors.Fail(node, property, $"0x{phandle:x} is no node's phandle: expected one of the tree");
        }

        return target;
    }

    /// <summary>A property of one cell; null where it is absent. What is no cell, or not in range, is a failure.</summary>
    public uint? ReadCell(DtNode node, string property, string expected, uint first, uint last)
    {
        if (node.Find(property) is not { } found)
        {
            return null;
        }

        if (found.Value.Length == 4 && found.Cell(0) >= first && found.Cell(0) <= last)
        {
            return found.Cell(0);
        }

        Errors.Fail(node, property, found.Value.Length == 4 ? $"expected {expected}, not 0x{found.Cell(0):x}" : $"expected {expected} in one cell, not {found.Value.Length} bytes");
        return null;
    }

    /// <summary>A property's strings; none where it is absent or, which is a failure, no list of strings.</summary>
    public IReadOnlyList<string> ReadStrings(DtNode node, string property)
    {
        IReadOnlyList<string> strings = [];
        if (node.Find(property) is { } found && !found.TryGetStrings(out strings))
        {
            Errors.Fail(node, property, "expected printable strings that end with NUL");
        }

        return strings;
    }

    /// <summary>Cells of an address in the node's <c>reg</c> of children (2 unless it says so), 0 to 3.</summary>
    public int AddressCells(DtNode bus) => (int)(ReadCell(bus, "#address-cells", "a number of cells from 0 to 3", 0, 3) ?? 2);

    /// <summary>Cells of a size there (1 unless it says so), 0 to 2.</summary>
    public int SizeCells(DtNode bus) => (int)(ReadCell(bus, "#size-cells", "a number of cells from 0 to 2", 0, 2) ?? 1);

    /// <summary>Every entry of a node's <c>reg</c>, as the CPUs see it.</summary>
    /// <returns>Nothing where something is wrong, which is then told.</returns>
    public IReadOnlyList<MemoryRange> ReadRegisters(DtNode node)
    {
        if (node.Find("reg") is not { } reg || node.Parent is not { } bus)
        {
            Errors.Fail(node, "reg", "the property is missing: expected the registers' address and size");
            return [];
        }

        int address = AddressCells(bus), size = SizeCells(bus);
        int cells = address + size;
        if (address is < 1 or > 2 || size is < 1)
        {
            Errors.Fail(bus, "#address-cells", $"{address} cells of address and {size} of size are not those of a bus the CPUs reach: expected 1 or 2 of each");
            return [];
        }

        if (reg.Value.IsEmpty || !reg.IsCells || reg.CellCount % cells != 0)
        {
            Errors.Fail(node, "reg", $"expected entries of {address} cells of address and {size} of size, not {reg.Value.Length} bytes");
            return [];
        }

        var ranges = new List<MemoryRange>();
        for (int at = 0; at < reg.CellCount && Errors.First.IsOk; at += cells)
        {
            if (Translate(node, "reg", bus, reg.Number(at, address), reg.Number(at + address, size)) is { } range)
            {
                ranges.Add(range);
            }
        }

        return ranges;
    }

    /// <summary>The first entry of <c>reg</c> as the CPUs see it; null where something is wrong, which is then told.</summary>
    public MemoryRange? ReadFirstRegister(DtNode node) => ReadRegisters(node) is [var first, ..] ? first : null;

    /// <summary>Brings a range of a bus's addresses up to the root through <c>ranges</c> (Devicetree Specification 0.4, 2.3.8).</summary>
    /// <param name="node">Whose range it is, for sentences.</param>
    /// <param name="property">Where it stands.</param>
    /// <param name="bus">Whose addresses they are: the node's parent.</param>
    /// <param name="start">First byte.</param>
    /// <param name="size">Bytes.</param>
    /// <returns>Null where something is wrong, which is then told.</returns>
    public MemoryRange? Translate(DtNode node, string property, DtNode bus, ulong start, ulong size)
    {
        if (size == 0 || size - 1 > ulong.MaxValue - start)
        {
            Errors.Fail(node, property, $"0x{size:x} bytes at 0x{start:x} are no range: expected at least one byte, and an end below 2^64");
            return null;
        }

        for (; bus.Parent is { } parent; bus = parent)
        {
            if (bus.Find("ranges") is not { } ranges)
            {
                Errors.Fail(node, property, $"0x{start:x} is an address on {bus.Path}, which has no ranges: expected an address the CPUs reach");
                return null;
            }

            if (!ranges.Value.IsEmpty && TranslateOnce(bus, parent, ranges, ref start, size) is { } wrong)
            {
                if (wrong.Length > 0)
                {
                    Errors.Fail(bus, "ranges", wrong);
                }
                else
                {
                    Errors.Fail(node, property, $"0x{size:x} bytes at 0x{start:x} are in no row of {bus.Path}'s ranges: expected addresses the CPUs reach");
                }

                return null;
            }
        }

        if (start >= AddressLimit || size > AddressLimit - start)
        {
            Errors.Fail(node, property, $"0x{size:x} bytes at 0x{start:x} leave the physical map: expected addresses below 2^48");
            return null;
        }

        return new MemoryRange(new PhysicalAddress(start), size);
    }

    // Physical addresses have 48 bits: the bits above tell client address spaces apart.
    private const ulong AddressLimit = 1UL << 48;

    // Null where it was done; a sentence where the ranges are wrong; nothing in it where no row has the range.
    private string? TranslateOnce(DtNode bus, DtNode parent, DtProperty ranges, ref ulong start, ulong size)
    {
        int child = AddressCells(bus), up = AddressCells(parent), length = SizeCells(bus);
        if (child is < 1 or > 2 || up is < 1 or > 2 || length < 1)
        {
            return $"rows would have {child} cells of address, {up} of the parent's and {length} of size: expected 1 or 2 of each";
        }

        int cells = child + up + length;
        if (!ranges.IsCells || ranges.CellCount % cells != 0)
        {
            return $"expected rows of {cells} cells, not {ranges.Value.Length} bytes";
        }

        for (int at = 0; at < ranges.CellCount; at += cells)
        {
            if (++_rows > MaxRows)
            {
                return $"following the tree's addresses takes more than {MaxRows} rows: expected fewer";
            }

            ulong first = ranges.Number(at, child), rowSize = ranges.Number(at + child + up, length);
            if (start >= first && start - first < rowSize && size <= rowSize - (start - first))
            {
                start = unchecked(ranges.Number(at + child, up) + (start - first));
                return null;
            }
        }

        return "";
    }

    private uint? ReadPhandle(DtNode node)
    {
        const string expected = "a number other than 0 and 0xffffffff";
        uint? phandle = ReadCell(node, "phandle", expected, 1, uint.MaxValue - 1);
        uint? old = ReadCell(node, "linux,phandle", expected, 1, uint.MaxValue - 1);
        if (phandle is not null && old is not null && phandle != old)
        {
            Errors.Fail(node, "linux,phandle", $"0x{old:x} is not the node's phandle, 0x{phandle:x}: expected one number");
        }

        return phandle ?? old;
    }
}
