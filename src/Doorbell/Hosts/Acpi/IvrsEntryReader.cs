namespace Doorbell.Hosts.Acpi;

/// <summary>Reads an IVHD's device entries (AMD 48882, 5.2.2): their two highest type bits say how long they are, and a range takes two.</summary>
internal ref struct IvrsEntryReader
{
    private readonly AcpiTable _table;
    private readonly List<IvrsEntry> _entries = [];
    private readonly List<IvrsIoApic> _ioApics = [];
    private (int Offset, ushort First, ushort? Alias)? _range;

    private IvrsEntryReader(AcpiTable table) => _table = table;

    /// <returns>EINVAL where an entry does not fit, or a range has no beginning or end.</returns>
    public static Result<IvrsUnit> ReadUnit(AcpiTable table, int at, int fixedSize, int length)
    {
        var reader = new IvrsEntryReader(table);
        Result read = reader.ReadAll(at + fixedSize, at + length);
        byte type = table.U8(at);
        return read.IsOk
            ? new IvrsUnit(
                at, type, table.U16(at + 4), table.U16(at + 16), table.U64(at + 8), type == 0x10 ? null : table.U64(at + 24), reader._entries, reader._ioApics)
            : read;
    }

    private Result ReadAll(int at, int end)
    {
        while (at < end)
        {
            int size = SizeAt(at, end);
            if (size > end - at)
            {
                return _table.Refuse(at, $"a device entry of type 0x{_table.U8(at):x2} has {size} bytes: its block has {end - at} left");
            }

            Result added = Add(at);
            if (!added.IsOk)
            {
                return added;
            }

            at += size;
        }

        return _range is { } open ? _table.Refuse(open.Offset, $"a range of devices from 0x{open.First:x} on has no end in its block") : Result.Ok;
    }

    // 0xf0, a device of the namespace, carries its unique ID's length.
    private readonly int SizeAt(int at, int end) => _table.U8(at) switch
    {
        0xf0 => end - at < 22 ? 22 : 22 + _table.U8(at + 21),
        < 0x40 => 4,
        < 0x80 => 8,
        < 0xc0 => 16,
        _ => 32,
    };

    private Result Add(int at)
    {
        byte type = _table.U8(at);
        ushort id = type == 0 ? (ushort)0 : _table.U16(at + 1);
        switch (type)
        {
            case 1: // every device
                _entries.Add(new IvrsEntry(at, 0, 0xffff, null));
                break;
            case 2 or 0x46 or 0xf0: // one, with or without extended settings, or one of the namespace
                _entries.Add(new IvrsEntry(at, id, id, null));
                break;
            case 0x42: // one that appears as another, which then is the IOMMU's too
                ushort alias = _table.U16(at + 5);
                _entries.Add(new IvrsEntry(at, id, id, alias));
                _entries.Add(new IvrsEntry(at, alias, alias, null));
                break;
            case 3 or 0x43 or 0x47 when _range is { } open:
                return _table.Refuse(at, $"a range of devices begins inside the one from offset 0x{open.Offset:x}");
            case 3 or 0x47:
                _range = (at, id, null);
                break;
            case 0x43:
                _range = (at, id, _table.U16(at + 5));
                break;
            case 4 when _range is not { } open || id < open.First:
                return _table.Refuse(at, $"a range of devices ends with 0x{id:x}: expected one that began there or before");
            case 4:
                (int offset, ushort first, ushort? source) = _range.Value;
                _entries.Add(new IvrsEntry(offset, first, id, source));
                if (source is { } seen)
                {
                    _entries.Add(new IvrsEntry(offset, seen, seen, null));
                }

                _range = null;
                break;
            case 0x48: // an I/O APIC or HPET
                if (_table.U8(at + 7) == 1)
                {
                    _ioApics.Add(new IvrsIoApic(at, _table.U8(at + 4), _table.U16(at + 5)));
                }

                break;
        }

        return Result.Ok;
    }
}
