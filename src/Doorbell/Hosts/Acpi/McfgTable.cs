namespace Doorbell.Hosts.Acpi;

/// <summary>MCFG (PCI Firmware Specification 3.3, 4.1.2): the configuration space of each segment's buses in memory.</summary>
internal sealed class McfgTable
{
    private const int FirstRow = AcpiTable.HeaderSize + 8;
    private const int RowSize = 16;

    private McfgTable(IReadOnlyList<FirmwarePciHost> hosts, IReadOnlyList<string> notes) => (Hosts, Notes) = (hosts, notes);

    public IReadOnlyList<FirmwarePciHost> Hosts { get; }

    public IReadOnlyList<string> Notes { get; }

    /// <returns>EINVAL where a row does not fit or its last bus comes before its first.</returns>
    public static Result<McfgTable> Read(AcpiTable table)
    {
        if (!table.Holds(0, FirstRow))
        {
            return table.Refuse(table.Length, $"MCFG ends in its fixed part of {FirstRow} bytes");
        }

        List<FirmwarePciHost> hosts = [];
        List<string> notes = [];
        int at = FirstRow;
        for (; table.Holds(at, RowSize); at += RowSize)
        {
            var host = new FirmwarePciHost(table.U16(at + 8), table.U8(at + 10), table.U8(at + 11), table.At(at));
            if (host.LastBus < host.FirstBus)
            {
                return table.Refuse(at + 10, $"the buses of segment {host.Segment} are 0x{host.FirstBus:x} to 0x{host.LastBus:x}: expected the last not before the first");
            }

            hosts.Add(host);
        }

        if (at < table.Length)
        {
            notes.Add(table.Note(at, $"{table.Length - at} bytes follow MCFG's last row and are not read"));
        }

        return new McfgTable(hosts, notes);
    }
}
