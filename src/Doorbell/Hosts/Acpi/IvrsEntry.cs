namespace Doorbell.Hosts.Acpi;

/// <summary>Requesters an IVHD is for.</summary>
/// <param name="Offset">Of the row (of a range: its first).</param>
/// <param name="First">First requester ID.</param>
/// <param name="Last">Last requester ID, inclusive.</param>
/// <param name="Alias">The ID under which the IOMMU sees all of them; null: their own.</param>
internal readonly record struct IvrsEntry(int Offset, ushort First, ushort Last, ushort? Alias)
{
    public bool Covers(ushort id) => id >= First && id <= Last;
}
