namespace Doorbell.Machines;

/// <summary>A table from requester IDs to StreamIDs or DeviceIDs.</summary>
/// <param name="Entries">Rows that do not overlap.</param>
/// <param name="Mask">Applied to a requester ID before it is looked up (iommu-map-mask, msi-map-mask).</param>
public sealed record IdMap(IReadOnlyList<IdMapEntry> Entries, ushort Mask = 0xffff)
{
    /// <summary>No rows: nothing is mapped.</summary>
    public static IdMap None { get; } = new([]);

    /// <summary>Every requester ID to itself at one target (msi-parent).</summary>
    public static IdMap Identity(string target) => new([new IdMapEntry(0, target, 0, 0x1_0000)]);

    /// <summary>Looks a requester ID up; false where no row covers it.</summary>
    /// <param name="requester">As it arrives at the host bridge, aliases of bridges applied.</param>
    /// <param name="target">Name of the IOMMU or MSI controller.</param>
    /// <param name="output">The ID there.</param>
    public bool TryMap(RequesterId requester, out string target, out uint output)
    {
        uint masked = (uint)(requester.Value & Mask);
        foreach (IdMapEntry entry in Entries)
        {
            if (entry.Covers(masked))
            {
                target = entry.Target;
                output = unchecked(entry.OutputBase + (masked - entry.RidBase));
                return true;
            }
        }

        target = "";
        output = 0;
        return false;
    }
}
