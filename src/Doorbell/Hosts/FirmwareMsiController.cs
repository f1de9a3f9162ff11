namespace Doorbell.Hosts;

/// <summary>An MSI controller that firmware describes.</summary>
/// <param name="Name">Unique in its source: <c>its@8080000</c>, <c>ITS 0 at 0x8080000</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Doorbell">The physical address devices write to (ITS: GITS_TRANSLATER, base + 0x10040; GICv2m: base + 0x40); null where not known.</param>
/// <param name="Evidence">Where it was read.</param>
public sealed record FirmwareMsiController(string Name, FirmwareMsiKind Kind, ulong? Doorbell, Evidence Evidence)
{
    /// <summary>The device tree's <c>compatible</c> or the table's product; errata are looked up by it.</summary>
    public string? Product { get; init; }

    /// <summary>Whether it looks at who writes, where the source itself settles that against the rule of its kind (an ITS behind a pre-ITS); null where the kind does (M2).</summary>
    public bool? Isolates { get; init; }

    /// <summary>True where it is the PCI host's own and takes MSIs before an IOMMU sees them, so that they need no mapping (I1).</summary>
    public bool IsInPciHost { get; init; }

    /// <summary>Further addresses that devices may be told to write to (the other frames of one GICv2m).</summary>
    public IReadOnlyList<ulong> MoreDoorbells { get; init; } = [];
}
