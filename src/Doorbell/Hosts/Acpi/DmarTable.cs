namespace Doorbell.Hosts.Acpi;

/// <summary>DMAR (Intel VT-d 4.1, chapter 8): remapping units, whom they are for, and memory that must stay mapped. ATSR, RHSA, ANDD, SATC and SIDP do not bear on either.</summary>
internal sealed class DmarTable
{
    /// <summary>Header, address width, flags and ten reserved bytes.</summary>
    private const int FirstStructure = AcpiTable.HeaderSize + 12;

    private readonly List<DmarUnit> _units = [];
    private readonly List<DmarReservedMemory> _reserved = [];
    private readonly List<string> _notes = [];

    private DmarTable(AcpiTable table) => Table = table;

    public AcpiTable Table { get; }

    /// <summary>INTR_REMAP: the platform can remap interrupts.</summary>
    public bool RemapsInterrupts => (Table.U8(37) & 1) != 0;

    /// <summary>X2APIC_OPT_OUT: firmware asks the operating system to leave x2APIC mode alone.</summary>
    public bool OptsOutOfX2Apic => (Table.U8(37) & 2) != 0;

    public IReadOnlyList<DmarUnit> Units => _units;

    public IReadOnlyList<DmarReservedMemory> Reserved => _reserved;

    public IReadOnlyList<string> Notes => _notes;

    /// <returns>EINVAL where a structure, a device scope or its path does not fit.</returns>
    public static Result<DmarTable> Read(AcpiTable table)
    {
        if (!table.Holds(0, FirstStructure))
        {
            return table.Refuse(table.Length, $"DMAR ends in its fixed part of {FirstStructure} bytes");
        }

        var dmar = new DmarTable(table);
        for (int at = FirstStructure; at < table.Length;)
        {
            int length = table.Holds(at, 4) ? table.U16(at + 2) : 0;
            if (length < 4 || !table.Holds(at, length))
            {
                return table.Refuse(at, $"a structure of {length} bytes does not fit: expected 4 to {table.Length - at}");
            }

            ushort type = table.U16(at);
            int needed = type switch { 0 => 16, 1 => 24, _ => 4 };
            if (length < needed)
            {
                return table.Refuse(at, $"a structure of type {type} has {length} bytes: expected {needed}");
            }

            if (type <= 1)
            {
                List<DmarScope> scopes = [];
                Result read = dmar.ReadScopes(at + needed, at + length, scopes);
                if (!read.IsOk)
                {
                    return read;
                }

                dmar.Add(type, at, scopes);
            }

            at += length;
        }

        return dmar;
    }

    private void Add(ushort type, int at, List<DmarScope> scopes)
    {
        ushort segment = Table.U16(at + 6);
        if (type == 0)
        {
            _units.Add(new DmarUnit(at, segment, Table.U64(at + 8), (Table.U8(at + 4) & 1) != 0, scopes));
            return;
        }

        ulong first = Table.U64(at + 8), last = Table.U64(at + 16);
        if (last < first || last - first == ulong.MaxValue)
        {
            _notes.Add(Table.Note(at, $"reserved memory from 0x{first:x} to 0x{last:x} is no range, and is left out"));
            return;
        }

        _reserved.Add(new DmarReservedMemory(at, segment, first, last, scopes));
    }

    private Result ReadScopes(int at, int end, List<DmarScope> scopes)
    {
        while (at < end)
        {
            int length = end - at >= 6 ? Table.U8(at + 1) : 0;
            if (length < 6 || length > end - at || length % 2 != 0)
            {
                return Table.Refuse(at, $"a device scope of {length} bytes does not fit: expected an even number from 6 to {end - at}");
            }

            byte type = Table.U8(at);
            if (type is 1 or 2)
            {
                var path = new (byte Device, byte Function)[(length - 6) / 2];
                for (int hop = 0; hop < path.Length; hop++)
                {
                    path[hop] = (Table.U8(at + 6 + (hop * 2)), Table.U8(at + 7 + (hop * 2)));
                    if (path[hop].Device > 31 || path[hop].Function > 7)
                    {
                        return Table.Refuse(at + 6 + (hop * 2), $"a device scope goes by device 0x{path[hop].Device:x}, function {path[hop].Function}: expected 0x1f and 7 at most");
                    }
                }

                if (path.Length == 0)
                {
                    return Table.Refuse(at, "a device scope has no path: expected a device and function at least");
                }

                scopes.Add(new DmarScope(at, type == 2, Table.U8(at + 5), path));
            }

            at += length;
        }

        return Result.Ok;
    }
}
