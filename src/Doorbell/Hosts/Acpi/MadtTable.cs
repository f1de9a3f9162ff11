namespace Doorbell.Hosts.Acpi;

/// <summary>MADT (signature APIC; ACPI 6.5, 5.2.12): which interrupt controllers there are.</summary>
internal sealed class MadtTable
{
    /// <summary>Header, local APIC address and flags.</summary>
    private const int FirstEntry = AcpiTable.HeaderSize + 8;

    private readonly List<MadtMsiFrame> _msiFrames = [];
    private readonly List<MadtIts> _its = [];
    private readonly List<MadtIoApic> _ioApics = [];

    private MadtTable(AcpiTable table) => Table = table;

    public AcpiTable Table { get; }

    /// <summary>GIC architecture version of the distributor (0: the hardware tells); null where there is no distributor.</summary>
    public byte? GicVersion { get; private set; }

    /// <summary>It has entries of a GIC: an Arm machine.</summary>
    public bool HasGic { get; private set; }

    /// <summary>It has local APICs or x2APICs: an x86 machine.</summary>
    public bool HasLocalApic { get; private set; }

    public IReadOnlyList<MadtMsiFrame> MsiFrames => _msiFrames;

    public IReadOnlyList<MadtIts> Its => _its;

    public IReadOnlyList<MadtIoApic> IoApics => _ioApics;

    /// <returns>EINVAL where an entry does not fit.</returns>
    public static Result<MadtTable> Read(AcpiTable table)
    {
        if (!table.Holds(0, FirstEntry))
        {
            return table.Refuse(table.Length, $"APIC ends in its fixed part of {FirstEntry} bytes");
        }

        var madt = new MadtTable(table);
        for (int at = FirstEntry; at < table.Length;)
        {
            int length = table.Holds(at, 2) ? table.U8(at + 1) : 0;
            if (length < 2 || !table.Holds(at, length))
            {
                return table.Refuse(at, $"an entry of {length} bytes does not fit: expected 2 to {table.Length - at}");
            }

            int needed = SizeOf(table.U8(at));
            if (length < needed)
            {
                return table.Refuse(at, $"an entry of type 0x{table.U8(at):x2} has {length} bytes: expected {needed}");
            }

            madt.Add(at);
            at += length;
        }

        return madt;
    }

    // Only of what is read below; GICC grew with the revisions and nothing of it is needed.
    private static int SizeOf(byte type) => type switch { 0x01 => 12, 0x0c or 0x0d => 24, 0x0f => 20, _ => 2 };

    private void Add(int at)
    {
        switch (Table.U8(at))
        {
            case 0x00 or 0x09:
                HasLocalApic = true;
                break;
            case 0x01:
                _ioApics.Add(new MadtIoApic(at, Table.U8(at + 2)));
                break;
            case 0x0b:
                HasGic = true;
                break;
            case 0x0c:
                HasGic = true;
                GicVersion = Table.U8(at + 20);
                break;
            case 0x0d:
                HasGic = true;
                bool selected = (Table.U32(at + 16) & 1) != 0;
                _msiFrames.Add(new MadtMsiFrame(at, Table.U32(at + 4), Table.U64(at + 8), selected ? (Table.U16(at + 22), Table.U16(at + 20)) : null));
                break;
            case 0x0f:
                HasGic = true;
                _its.Add(new MadtIts(at, Table.U32(at + 4), Table.U64(at + 8)));
                break;
        }
    }
}
