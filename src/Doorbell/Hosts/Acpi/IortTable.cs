namespace Doorbell.Hosts.Acpi;

/// <summary>IORT (DEN 0049, revisions A to E.f): how IDs of requesters become StreamIDs and DeviceIDs.</summary>
internal sealed class IortTable
{
    private const int NodeHeader = 16;

    /// <summary>Of an RMR's descriptor.</summary>
    private const int RangeSize = 20;

    /// <summary>Revision of E.d: RMRs of earlier ones have other fields, and Linux passes over them.</summary>
    private const byte FirstWithRmr = 5;

    private readonly Dictionary<uint, IortNode> _byOffset = [];
    private readonly List<IortNode> _nodes = [];
    private readonly List<string> _notes = [];

    private IortTable(AcpiTable table) => Table = table;

    public AcpiTable Table { get; }

    /// <summary>In the table's order.</summary>
    public IReadOnlyList<IortNode> Nodes => _nodes;

    public IReadOnlyList<string> Notes => _notes;

    /// <summary>The node a mapping leads to; null where none begins there.</summary>
    public IortNode? NodeAt(uint offset) => _byOffset.GetValueOrDefault(offset);

    /// <returns>EINVAL where a node, its mappings or what it lists does not fit.</returns>
    public static Result<IortTable> Read(AcpiTable table)
    {
        if (!table.Holds(0, AcpiTable.HeaderSize + 12))
        {
            return table.Refuse(table.Length, "IORT ends before its node count and offset");
        }

        var iort = new IortTable(table);
        uint count = table.U32(36), at = table.U32(40);
        for (uint index = 0; index < count; index++)
        {
            int length = table.Holds(at, NodeHeader) ? table.U16((int)at + 1) : 0;
            if (length < NodeHeader || !table.Holds(at, length))
            {
                return table.Refuse((int)Math.Min(at, table.Length), $"node {index} of {count} does not fit: expected {NodeHeader} bytes at least and all of them before the table's end at 0x{table.Length:x}");
            }

            Result<IortNode> node = iort.ReadNode((int)at, length);
            if (!node.IsOk)
            {
                return node.WithoutValue;
            }

            iort._nodes.Add(node.Value);
            iort._byOffset.Add(at, node.Value);
            at += (uint)length;
        }

        iort.CheckMappings();
        return iort;
    }

    private Result<IortNode> ReadNode(int at, int length)
    {
        byte type = Table.U8(at);
        byte revision = Table.U8(at + 3);
        if (type == 6 && Table.Revision < FirstWithRmr)
        {
            _notes.Add(Table.Note(at, $"reserved memory in an IORT of revision {Table.Revision}, before {FirstWithRmr}, is left out, as by Linux"));
            return new IortNode(at, revision, []);
        }

        int needed = SizeOf(type, revision);
        if (length < needed)
        {
            return Table.Refuse(at, $"a node of type {type}, revision {revision}, has {length} bytes: expected {needed}");
        }

        // Some makers leave an offset where there are no mappings, and no mappings where they leave the offset out.
        uint count = Table.U32(at + 12) == 0 ? 0 : Table.U32(at + 8);
        uint first = Table.U32(at + 12);
        if (count > 0 && (first < NodeHeader || first + ((ulong)count * IortMapping.Size) > (uint)length))
        {
            return Table.Refuse(at + 8, $"{count} ID mappings from 0x{first:x} on do not fit into their node of {length} bytes");
        }

        var mappings = new IortMapping[count];
        for (int index = 0; index < mappings.Length; index++)
        {
            int row = at + (int)first + (index * IortMapping.Size);
            mappings[index] = new IortMapping(
                row, Table.U32(row), Table.U32(row + 4), Table.U32(row + 8), Table.U32(row + 12), (Table.U32(row + 16) & 1) != 0);
        }

        return type switch
        {
            0 => ReadItsGroup(at, length, revision),
            1 => new IortNamedComponent(at, revision, mappings, Table.Text(at + 29, (count > 0 && first >= 29 ? (int)first : length) - 29)),
            2 => new IortRootComplex(at, revision, mappings, Table.U32(at + 28)),
            3 => new IortSmmu(at, revision, mappings, IsV3: false, Table.U64(at + 16), Table.U32(at + 32), OwnMapping: -1),
            4 => new IortSmmu(at, revision, mappings, IsV3: true, Table.U64(at + 16), Table.U32(at + 40), OwnMappingOf(at, revision, mappings.Length)),
            6 => ReadReservedMemory(at, length, revision, mappings),
            _ => new IortNode(at, revision, mappings),
        };
    }

    private static int SizeOf(byte type, byte revision) => type switch
    {
        0 => 20,
        1 => 29,
        2 => 32,
        3 => 60,
        // Revision 1 has the index of the mapping for its own MSIs, which comes last.
        4 => revision == 0 ? 60 : 68,
        6 => 28,
        _ => NodeHeader,
    };

    // From node revision 5 on (E.e) a flag says that the index is one; before, it is unless all four interrupts are wired.
    private int OwnMappingOf(int at, byte revision, int mappings)
    {
        bool has = revision switch
        {
            0 => false,
            < 5 => Table.U32(at + 44) == 0 || Table.U32(at + 48) == 0 || Table.U32(at + 52) == 0 || Table.U32(at + 56) == 0,
            _ => (Table.U32(at + 24) & 0x10) != 0,
        };
        uint index = has ? Table.U32(at + 64) : 0;
        return has && index < (uint)mappings ? (int)index : -1;
    }

    private Result<IortNode> ReadItsGroup(int at, int length, byte revision)
    {
        uint count = Table.U32(at + 16);
        if (20 + ((ulong)count * 4) > (uint)length)
        {
            return Table.Refuse(at + 16, $"{count} ITS identifiers do not fit into their node of {length} bytes");
        }

        var ids = new uint[count];
        for (int index = 0; index < ids.Length; index++)
        {
            ids[index] = Table.U32(at + 20 + (index * 4));
        }

        return new IortItsGroup(at, revision, ids);
    }

    private Result<IortNode> ReadReservedMemory(int at, int length, byte revision, IortMapping[] mappings)
    {
        uint count = Table.U32(at + 20), first = Table.U32(at + 24);
        if (count > 0 && (first < 28 || first + ((ulong)count * RangeSize) > (uint)length))
        {
            return Table.Refuse(at + 20, $"{count} memory ranges from 0x{first:x} on do not fit into their node of {length} bytes");
        }

        List<IortReservedRange> ranges = [];
        for (uint index = 0; index < count; index++)
        {
            int row = at + (int)(first + (index * RangeSize));
            ulong start = Table.U64(row), size = Table.U64(row + 8);
            if (size == 0 || size - 1 > ulong.MaxValue - start)
            {
                _notes.Add(Table.Note(row, $"reserved memory of 0x{size:x} bytes at 0x{start:x} is no range, and is left out"));
                continue;
            }

            ranges.Add(new IortReservedRange(row, start, size));
        }

        return new IortReservedMemory(at, revision, mappings, (Table.U32(at + 16) & 1) != 0, ranges);
    }

    private void CheckMappings()
    {
        foreach (IortNode node in _nodes)
        {
            for (int index = 0; index < node.Mappings.Count; index++)
            {
                IortMapping mapping = node.Mappings[index];
                if (NodeAt(mapping.Target) is null)
                {
                    _notes.Add(Table.Note(mapping.Offset, $"an ID mapping leads to 0x{mapping.Target:x}, where no node begins; where its requesters go is not known"));
                }

                if (mapping.IsSingle && (node is IortRootComplex || (node is IortSmmu smmu && smmu.OwnMapping != index)))
                {
                    _notes.Add(Table.Note(mapping.Offset, $"a single mapping in {(node is IortSmmu ? "an SMMU" : "a root complex")}, which has a range of IDs; it is not followed"));
                }
            }
        }
    }
}
