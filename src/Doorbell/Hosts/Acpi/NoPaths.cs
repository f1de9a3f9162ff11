namespace Doorbell.Hosts.Acpi;

/// <summary>A machine whose tables have no IOMMU, or have one and could not be read.</summary>
/// <param name="isKnown">The tables were read, and there is none.</param>
/// <param name="rows">The tables that there are.</param>
internal sealed class NoPaths(bool isKnown, IReadOnlyList<Evidence> rows) : AcpiPaths
{
    /// <inheritdoc/>
    public override FirmwarePath Find(ushort segment, RequesterId requester) => isKnown ? new FirmwarePath(IsKnown: true, null, 0, null, 0, rows) : Unknown([]);
}
