namespace Doorbell.Machines.DeviceTree;

/// <summary>An <c>iommu-map</c> or <c>msi-map</c> with its mask (Devicetree bindings pci-iommu and pci-msi; Linux, of_map_id).</summary>
internal static class IdMapSection
{
    private const int RowCells = 4;
    private const uint Requesters = 0x1_0000;

    /// <summary>Reads one.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="host">The PCI host.</param>
    /// <param name="property">Which.</param>
    /// <param name="targetOf">The name of a target; null where what is there translates nothing, or a failure has been told.</param>
    /// <returns>Null where the host has no such map.</returns>
    public static IdMap? Read(DtTree tree, DtNode host, string property, Func<DtNode, string?> targetOf)
    {
        if (host.Find(property) is not { } map)
        {
            return null;
        }

        uint mask = tree.ReadCell(host, $"{property}-mask", "a mask", 0, uint.MaxValue) ?? 0xffff;
        if (map.Value.IsEmpty || map.Value.Length % (4 * RowCells) != 0)
        {
            tree.Errors.Fail(host, property, $"expected rows of {RowCells} cells, not {map.Value.Length} bytes");
            return IdMap.None;
        }

        var taken = new SortedSet<(uint First, uint Last)>(Comparer<(uint First, uint Last)>.Create(static (a, b) => a.Last < b.First ? -1 : b.Last < a.First ? 1 : 0));
        var entries = new List<IdMapEntry>();
        for (int at = 0; at < map.CellCount && tree.Errors.First.IsOk; at += RowCells)
        {
            uint first = map.Cell(at), output = map.Cell(at + 2), length = map.Cell(at + 3);
            if (first >= Requesters || length == 0 || length > Requesters - first)
            {
                tree.Errors.Fail(host, property, $"a row begins at requester ID 0x{first:x} and has 0x{length:x} of them: expected requester IDs of 0x0 to 0xffff, one at least");
            }
            else if ((first & ~mask) != 0)
            {
                tree.Errors.Fail(host, property, $"a row begins at requester ID 0x{first:x}, of which {property}-mask 0x{mask:x} clears bits: expected one as it is after the mask");
            }
            else if (output > uint.MaxValue - (length - 1))
            {
                tree.Errors.Fail(host, property, $"a row's IDs begin at 0x{output:x} and are 0x{length:x}: expected an end below 2^32");
            }
            else if (!taken.Add((first, first + length - 1)))
            {
                tree.Errors.Fail(host, property, $"a row has requester IDs 0x{first:x} to 0x{first + length - 1:x}, some of which an earlier row has: expected each once");
            }
            else if (tree.Follow(host, property, map.Cell(at + 1)) is { } target && targetOf(target) is { } name)
            {
                entries.Add(new IdMapEntry(first, name, output, length));
            }
        }

        return new IdMap(entries, (ushort)mask);
    }
}
