namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>An IORT, node after node; a node's place is what others name it by.</summary>
internal sealed class IortBuilder(byte revision = 6)
{
    private readonly TableBuilder _nodes = new("IORT", revision);
    private readonly List<Action<TableBuilder>> _parts = [];
    private int _next = 48;

    /// <summary>A row of ID mappings.</summary>
    internal readonly record struct Row(uint Input, uint Count, uint Output, int Target, bool Single = false);

    /// <summary>Where the next node will be.</summary>
    public int Next => _next;

    public int ItsGroup(params uint[] ids) => Node(0, 1, [], 4 + (4 * ids.Length), body =>
    {
        body.U32((uint)ids.Length);
        foreach (uint id in ids)
        {
            body.U32(id);
        }
    });

    public int NamedComponent(string name, params Row[] rows) => Node(1, 4, rows, 32, body => body.U32(0).U64(0).U8(48).Text(name, 19));

    public int RootComplex(uint segment, params Row[] rows) => Node(2, 4, rows, 24, body => body.U64(1).U32(0).U32(segment).U8(64).Zeros(3).U32(0));

    /// <summary>As revision A had it: nothing behind the segment.</summary>
    public int RootComplexOfRevision0(uint segment, params Row[] rows) => Node(2, 0, rows, 16, body => body.U64(1).U32(0).U32(segment));

    public int Smmu(ulong address, uint model, params Row[] rows) =>
        Node(3, 3, rows, 60, body => body.U64(address).U64(0x2_0000).U32(model).U32(0).U32(60).U32(0).U32(0).U32(0).U32(0).U64(0).U64(0));

    public int SmmuV3(ulong address, byte revision, uint flags, (uint Event, uint Pri, uint Error, uint Sync) wired, uint ownMapping, params Row[] rows) =>
        Node(4, revision, rows, revision == 0 ? 44 : 52, body =>
        {
            body.U64(address).U32(flags).U32(0).U64(0).U32(revision == 0 ? 0u : 2u).U32(wired.Event).U32(wired.Pri).U32(wired.Error).U32(wired.Sync);
            if (revision > 0)
            {
                body.U32(0).U32(ownMapping);
            }
        });

    public int SmmuV3(ulong address, params Row[] rows) => SmmuV3(address, 4, 0, (1, 2, 3, 4), 0, rows);

    public int Pmcg(params Row[] rows) => Node(5, 2, rows, 24, body => body.Zeros(24));

    public int Rmr(uint flags, (ulong Base, ulong Size)[] ranges, params Row[] rows)
    {
        // Descriptors come behind the mappings.
        int descriptors = 28 + (rows.Length * 20);
        return Node(6, 3, rows, 12, body => body.U32(flags).U32((uint)ranges.Length).U32((uint)descriptors), ranges.Length * 20, tail =>
        {
            foreach ((ulong start, ulong size) in ranges)
            {
                tail.U64(start).U64(size).U32(0);
            }
        });
    }

    public int Node(byte type, byte revision, Row[] rows, int bodySize, Action<TableBuilder> body, int tailSize = 0, Action<TableBuilder>? tail = null)
    {
        int at = _next;
        int length = 16 + bodySize + (rows.Length * 20) + tailSize;
        _next += length;
        _parts.Add(table =>
        {
            table.U8(type).U16(length).U8(revision).U32(0).U32((uint)rows.Length).U32(rows.Length == 0 ? 0u : (uint)(16 + bodySize));
            body(table);
            foreach (Row row in rows)
            {
                table.U32(row.Input).U32(row.Count).U32(row.Output).U32((uint)row.Target).U32(row.Single ? 1u : 0u);
            }

            tail?.Invoke(table);
        });
        return at;
    }

    public (string File, byte[] Bytes) Build()
    {
        _nodes.U32((uint)_parts.Count).U32(48).U32(0);
        foreach (Action<TableBuilder> part in _parts)
        {
            part(_nodes);
        }

        Assert.Equal(_next, _nodes.Length);
        return _nodes.Build();
    }
}
