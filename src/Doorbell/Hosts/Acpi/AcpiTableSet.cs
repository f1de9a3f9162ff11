namespace Doorbell.Hosts.Acpi;

/// <summary>The tables of one machine that matter here, read; those that could not be are named.</summary>
internal sealed class AcpiTableSet
{
    private readonly List<string> _notes = [];
    private readonly HashSet<string> _seen = [];
    private readonly HashSet<string> _missing = [];

    public MadtTable? Madt { get; private set; }

    public IortTable? Iort { get; private set; }

    public McfgTable? Mcfg { get; private set; }

    public DmarTable? Dmar { get; private set; }

    public IvrsTable? Ivrs { get; private set; }

    public IReadOnlyList<string> Notes => _notes;

    /// <summary>No table came that matters, broken ones included.</summary>
    public bool IsEmpty => _seen.Count == 0 && _missing.Count == 0;

    /// <summary>True of a signature whose tables are read here.</summary>
    public static bool Reads(string signature) => signature is "APIC" or "IORT" or "MCFG" or "DMAR" or "IVRS" or "VIOT";

    /// <summary>What that table would say is not known: broken, not to be read, or of loose files perhaps another.</summary>
    public bool IsMissing(string signature) => _missing.Contains(signature);

    /// <summary>A table that nobody could read, of a machine that has it or may have it.</summary>
    public void AddMissing(string signature) => _missing.Add(signature);

    /// <summary>Reads a file: a table, or acpidump's text with any number of them. What is neither, or no table of those above, is passed over.</summary>
    public void Add(string file, ReadOnlyMemory<byte> bytes)
    {
        foreach ((string name, ReadOnlyMemory<byte> table) in AcpiDumpText.Split(file, bytes))
        {
            if (AcpiTable.SignatureOf(table.Span) is { } signature && Reads(signature))
            {
                AddTable(signature, name, table);
            }
        }
    }

    private void AddTable(string signature, string file, ReadOnlyMemory<byte> bytes)
    {
        if (!_seen.Add(signature))
        {
            _notes.Add($"{file}: a second {signature}, of which a machine has one, is left out.");
            return;
        }

        if (signature == "VIOT")
        {
            _missing.Add(signature);
            _notes.Add($"{file}: the machine has a virtio IOMMU; this table is not read, so who else has no IOMMU in front may have that one.");
            return;
        }

        Result<AcpiTable> table = AcpiTable.Read(file, bytes);
        Result read = table.IsOk ? Interpret(table.Value) : table.WithoutValue;
        if (!read.IsOk)
        {
            _missing.Add(signature);
            _notes.Add(read.Reason);
        }
    }

    private Result Interpret(AcpiTable table)
    {
        switch (table.Signature)
        {
            case "APIC":
                Result<MadtTable> madt = MadtTable.Read(table);
                Madt = madt.IsOk ? madt.Value : null;
                return madt.WithoutValue;
            case "IORT":
                Result<IortTable> iort = IortTable.Read(table);
                Iort = iort.IsOk ? iort.Value : null;
                _notes.AddRange(Iort?.Notes ?? []);
                return iort.WithoutValue;
            case "MCFG":
                Result<McfgTable> mcfg = McfgTable.Read(table);
                Mcfg = mcfg.IsOk ? mcfg.Value : null;
                _notes.AddRange(Mcfg?.Notes ?? []);
                return mcfg.WithoutValue;
            case "DMAR":
                Result<DmarTable> dmar = DmarTable.Read(table);
                Dmar = dmar.IsOk ? dmar.Value : null;
                _notes.AddRange(Dmar?.Notes ?? []);
                return dmar.WithoutValue;
            default:
                Result<IvrsTable> ivrs = IvrsTable.Read(table);
                Ivrs = ivrs.IsOk ? ivrs.Value : null;
                _notes.AddRange(Ivrs?.Notes ?? []);
                return ivrs.WithoutValue;
        }
    }
}
