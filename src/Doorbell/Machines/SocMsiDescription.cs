namespace Doorbell.Machines;

/// <summary>An MSI controller outside the GIC: a PCI host's own, or one of the SoC. It raises what is written to it and does not look at who writes.</summary>
public sealed record SocMsiDescription : MsiControllerDescription
{
    /// <summary>Bytes it decodes.</summary>
    public const ulong PageSize = 0x1000;

    /// <summary>What it is: <c>fsl,ls1046a-msi</c>.</summary>
    public required string Product { get; init; }

    /// <summary>The page it decodes; 4 KiB aligned.</summary>
    public required PhysicalAddress Page { get; init; }

    /// <summary>MSIs it can take, 1 to 4096: the payload is the MSI's number.</summary>
    public required int Vectors { get; init; }

    /// <summary>True where it is the PCI host's own: it takes its devices' writes before an IOMMU sees them, so that they need no mapping (I1).</summary>
    public required bool IsInHost { get; init; }

    /// <summary>Where devices write.</summary>
    public PhysicalAddress Doorbell => Page;

    /// <inheritdoc/>
    public override IEnumerable<MemoryRange> Frames => [new MemoryRange(Page, PageSize)];
}
