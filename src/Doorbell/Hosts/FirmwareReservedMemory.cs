using Doorbell.Iommu;

namespace Doorbell.Hosts;

/// <summary>Memory that firmware wants kept or mapped for devices.</summary>
/// <param name="Region">The range and its type.</param>
/// <param name="Functions">The functions it is for; empty: every one behind <paramref name="Iommu"/>, or every one of the host.</param>
/// <param name="Iommu">The IOMMU it is for, by name; null where it is not tied to one.</param>
/// <param name="Evidence">Where it was read.</param>
public sealed record FirmwareReservedMemory(ReservedRegion Region, IReadOnlyList<PciAddress> Functions, string? Iommu, Evidence Evidence)
{
    /// <summary>
    /// Firmware lets the operating system map it elsewhere or not at all (IORT's RMR with <i>remapping permitted</i>): the kernel's <c>direct-relaxable</c>,
    /// which keeps no IOVA from a user. What else the kernel relaxes (RMRRs of graphics and USB) follows from the function's class, not from the table.
    /// </summary>
    public bool IsRelaxable { get; init; }

    /// <summary>False where the table names functions by a way over bridges whose bus numbers are not known: then <see cref="Functions"/> lists only those that are.</summary>
    public bool FunctionsAreKnown { get; init; } = true;
}
