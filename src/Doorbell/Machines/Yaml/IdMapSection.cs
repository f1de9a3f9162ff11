namespace Doorbell.Machines.Yaml;

/// <summary>An <c>iommu-map</c> or <c>msi-map</c> of a PCI host, with its mask.</summary>
/// <param name="key">The key of the table.</param>
/// <param name="targetKey">The key of a row's target.</param>
/// <param name="outputKey">The key of a row's first output.</param>
/// <param name="noun">What the target is.</param>
/// <param name="targets">Names there are, each with the bits of its IDs.</param>
/// <param name="mayEndBeyond">Rows may end beyond the target's IDs; the machine's builder looks at the requesters there are.</param>
internal sealed class IdMapSection(string key, string targetKey, string outputKey, string noun, IReadOnlyDictionary<string, int> targets, bool mayEndBeyond = false)
{
    public IdMap Read(YamlMappingReader host)
    {
        ushort mask = (ushort)host.Number($"{key}-mask", "a mask of 16 bits, as in 0xffff", 0, 0xffff, 0xffff);
        var entries = new List<IdMapEntry>();
        foreach (YamlMappingReader row in host.Mappings(key, "row", optional: true))
        {
            IdMapEntry entry = ReadRow(row, mask);
            if (entries.Exists(other => other.RidBase < entry.RidBase + entry.Length && entry.RidBase < other.RidBase + other.Length))
            {
                row.Fail("rid-base", $"requester IDs 0x{entry.RidBase:x} to 0x{entry.RidBase + entry.Length - 1:x} overlap those of an earlier row: expected each once.");
            }

            entries.Add(entry);
            row.Finish();
        }

        return new IdMap(entries, mask);
    }

    /// <summary>A name that must be one of the targets.</summary>
    public string ReadTarget(YamlMappingReader reader, string nameKey)
    {
        string name = reader.Name(nameKey);
        if (name.Length > 0 && !targets.ContainsKey(name))
        {
            reader.Fail(nameKey, targets.Count == 0
                ? $"the machine has no {noun}s: expected none to be named."
                : $"there is no {noun} \"{name}\": expected {string.Join(" or ", targets.Keys)}.");
        }

        return name;
    }

    private IdMapEntry ReadRow(YamlMappingReader row, ushort mask)
    {
        uint ridBase = (uint)row.Number("rid-base", "a requester ID from 0 to 0xffff", 0, 0xffff);
        string target = ReadTarget(row, targetKey);
        ulong limit = 1UL << targets.GetValueOrDefault(target, 32);
        uint outputBase = (uint)row.Number(outputKey, $"an ID that {noun} {target} can hold, below 0x{limit:x}", 0, limit - 1);
        uint length = (uint)row.Number("length", "a number of requester IDs that ends at 0xffff or before", 1, 0x1_0000 - ridBase);
        if ((ridBase & ~(uint)mask) != 0)
        {
            row.Fail("rid-base", $"0x{ridBase:x} has bits that {key}-mask 0x{mask:x} clears: expected a requester ID as it is after the mask.");
        }

        if (!mayEndBeyond && outputBase + (ulong)length > limit)
        {
            row.Fail("length", $"the last ID would be 0x{outputBase + (ulong)length - 1:x}: expected IDs that {noun} {target} can hold, below 0x{limit:x}.");
        }

        return new IdMapEntry(ridBase, target, outputBase, length);
    }
}
