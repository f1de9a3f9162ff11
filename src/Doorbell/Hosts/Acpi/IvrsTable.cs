namespace Doorbell.Hosts.Acpi;

/// <summary>IVRS (AMD I/O Virtualization Technology 48882, chapter 5): IOMMUs, whom they are for, and memory that must stay mapped.</summary>
internal sealed class IvrsTable
{
    /// <summary>Header, IVinfo and eight reserved bytes.</summary>
    private const int FirstBlock = AcpiTable.HeaderSize + 12;

    private readonly List<IvrsUnit> _units = [];
    private readonly List<IvrsReservedMemory> _reserved = [];
    private readonly List<string> _notes = [];

    private IvrsTable(AcpiTable table) => Table = table;

    public AcpiTable Table { get; }

    /// <summary>IVinfo's VASize: bits of a virtual address; null where it is 0.</summary>
    public int? VirtualAddressBits => ((Table.U32(36) >> 15) & 0x7f) is not 0 and var bits ? (int)bits : null;

    /// <summary>One an IOMMU: of several blocks for the same one, those of the highest type, as software is to take it.</summary>
    public IReadOnlyList<IvrsUnit> Units => _units;

    public IReadOnlyList<IvrsReservedMemory> Reserved => _reserved;

    public IReadOnlyList<string> Notes => _notes;

    /// <returns>EINVAL where a block or an entry does not fit, or a range has no beginning or end.</returns>
    public static Result<IvrsTable> Read(AcpiTable table)
    {
        if (!table.Holds(0, FirstBlock))
        {
            return table.Refuse(table.Length, $"IVRS ends in its fixed part of {FirstBlock} bytes");
        }

        var ivrs = new IvrsTable(table);
        List<IvrsUnit> units = [];
        for (int at = FirstBlock; at < table.Length;)
        {
            int length = table.Holds(at, 4) ? table.U16(at + 2) : 0;
            if (length < 4 || !table.Holds(at, length))
            {
                return table.Refuse(at, $"a block of {length} bytes does not fit: expected 4 to {table.Length - at}");
            }

            byte type = table.U8(at);
            int needed = type switch { 0x10 => 24, 0x11 or 0x40 => 40, >= 0x20 and <= 0x22 => 32, _ => 4 };
            if (length < needed)
            {
                return table.Refuse(at, $"a block of type 0x{type:x} has {length} bytes: expected {needed}");
            }

            if (type is 0x10 or 0x11 or 0x40)
            {
                Result<IvrsUnit> unit = IvrsEntryReader.ReadUnit(table, at, needed, length);
                if (!unit.IsOk)
                {
                    return unit.WithoutValue;
                }

                units.Add(unit.Value);
            }
            else if (type is >= 0x20 and <= 0x22)
            {
                ivrs.AddReserved(type, at);
            }

            at += length;
        }

        var highest = new Dictionary<(ushort Segment, ushort DeviceId), byte>();
        foreach (IvrsUnit unit in units)
        {
            highest[(unit.Segment, unit.DeviceId)] = Math.Max(unit.Type, highest.GetValueOrDefault((unit.Segment, unit.DeviceId)));
        }

        ivrs._units.AddRange(units.Where(unit => unit.Type == highest[(unit.Segment, unit.DeviceId)]));
        return ivrs;
    }

    private void AddReserved(byte type, int at)
    {
        byte flags = Table.U8(at + 1);
        ulong first = Table.U64(at + 16), size = Table.U64(at + 24);
        (ushort First, ushort Last)? devices = type switch
        {
            0x21 => (Table.U16(at + 4), Table.U16(at + 4)),
            0x22 => (Table.U16(at + 4), Table.U16(at + 6)),
            _ => null,
        };
        bool excluded = (flags & 8) != 0;
        if (size == 0 || size - 1 > ulong.MaxValue - first || devices is { } range && range.Last < range.First)
        {
            _notes.Add(Table.Note(at, $"reserved memory of 0x{size:x} bytes at 0x{first:x} is no range or for no device, and is left out"));
        }
        else if (excluded || (flags & 1) != 0)
        {
            _reserved.Add(new IvrsReservedMemory(at, Table.U16(at + 8), devices, first, size, excluded));
        }
    }
}
