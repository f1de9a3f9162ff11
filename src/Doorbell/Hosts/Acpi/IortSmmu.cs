namespace Doorbell.Hosts.Acpi;

/// <summary>An SMMU (types 3 and 4).</summary>
/// <param name="Offset">Its place in the table.</param>
/// <param name="Revision">Of the node.</param>
/// <param name="Mappings">Where the IDs of those behind it go, for their MSIs.</param>
/// <param name="IsV3">SMMUv3.</param>
/// <param name="Base">Base of its registers.</param>
/// <param name="Model">The table's number for the implementation.</param>
/// <param name="OwnMapping">The mapping that is for the SMMUv3's own MSIs and not for the devices'; -1 where there is none.</param>
internal sealed record IortSmmu(int Offset, byte Revision, IReadOnlyList<IortMapping> Mappings, bool IsV3, ulong Base, uint Model, int OwnMapping)
    : IortNode(Offset, Revision, Mappings)
{
    /// <summary>The implementation where the table names one; generic ones have none.</summary>
    public string? Product => IsV3
        ? Model switch { 1 => "HiSilicon Hi161x", 2 => "Cavium CN99xx", _ => null }
        : Model switch { 2 => "mmu-400", 3 => "mmu-500", 4 => "mmu-401", 5 => "Cavium ThunderX", _ => null };
}
