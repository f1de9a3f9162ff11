namespace Doorbell.Hosts.Acpi;

/// <summary>What the tables of one architecture say of IOMMUs, MSI controllers and the ways to them.</summary>
internal abstract class AcpiPaths
{
    private readonly HashSet<string> _names = [];

    public List<FirmwareIommu> Iommus { get; } = [];

    public List<FirmwareMsiController> Controllers { get; } = [];

    public List<FirmwareReservedMemory> Reserved { get; } = [];

    public List<string> Notes { get; } = [];

    /// <summary>Segments that a table other than MCFG names, each with the row.</summary>
    public Dictionary<int, Evidence> Segments { get; } = [];

    /// <summary>The way of a requester on a segment that there is.</summary>
    public abstract FirmwarePath Find(ushort segment, RequesterId requester);

    /// <summary>What the tables do not say; the rows tell as far as the way is known.</summary>
    protected static FirmwarePath Unknown(IReadOnlyList<Evidence> rows) => new(IsKnown: false, null, 0, null, 0, rows);

    /// <summary>Names are unique in a source, whatever a table says twice.</summary>
    protected string Unique(string name, int offset) => _names.Add(name) ? name : Unique($"{name} (offset 0x{offset:x})", offset);
}
