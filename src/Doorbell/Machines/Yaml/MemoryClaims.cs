namespace Doorbell.Machines.Yaml;

/// <summary>Who decodes which part of the physical map, and which names are taken: no two things share a byte or a name.</summary>
internal sealed class MemoryClaims
{
    private const int MaxRanges = 4096;

    private readonly List<(MemoryRange Range, string Owner, long Line)> _ranges = [];
    private readonly Dictionary<string, long> _names = [];

    /// <summary>Physical addresses have 48 bits: the bits above tell client address spaces apart.</summary>
    private const ulong AddressLimit = 1UL << 48;

    /// <summary>Reads <c>base</c> and <c>size</c> and claims them.</summary>
    public MemoryRange Read(YamlMappingReader reader, string owner, ulong alignment)
    {
        ulong start = ReadBase(reader, "base", alignment);
        ulong size = reader.Number("size", $"a size of at least {YamlNumber.Size(alignment)}, as in 0x10000 or 64K", alignment, AddressLimit);
        if (size % alignment != 0)
        {
            reader.Fail("size", $"expected a multiple of {YamlNumber.Size(alignment)}, not 0x{size:x}.");
        }

        return Claim(reader, "base", start, size, owner);
    }

    /// <summary>Reads <c>base</c> of a frame whose size the architecture fixes, and claims it.</summary>
    public PhysicalAddress ReadFrame(YamlMappingReader reader, string owner, ulong size, ulong alignment) =>
        Claim(reader, "base", ReadBase(reader, "base", alignment), size, owner).Base;

    /// <summary>Claims a range found under a key.</summary>
    public MemoryRange Claim(YamlMappingReader reader, string key, ulong start, ulong size, string owner)
    {
        if (start + size > AddressLimit)
        {
            reader.Fail(key, $"expected a range below 2^48, not 0x{start:x} and 0x{size:x} bytes.");
            size = 1;
        }

        var range = new MemoryRange(new PhysicalAddress(start), size);
        if (_ranges.Count == MaxRanges)
        {
            reader.Fail(key, $"the machine has more than {MaxRanges} ranges: expected {MaxRanges} at most.");
            return range;
        }

        foreach ((MemoryRange other, string otherOwner, long line) in _ranges)
        {
            if (other.Overlaps(range))
            {
                reader.Fail(key, $"{owner} at {range} overlaps {otherOwner} at {other} (line {line}): expected ranges that share nothing.");
                break;
            }
        }

        _ranges.Add((range, owner, reader.Line));
        return range;
    }

    /// <summary>Reads a thing's name and sees that it is the only one.</summary>
    public string ReadName(YamlMappingReader reader)
    {
        string name = reader.Name("name");
        if (!_names.TryAdd(name, reader.Line))
        {
            reader.Fail("name", $"\"{name}\" is the name of something in line {_names[name]} already: expected a name of its own.");
        }

        return name;
    }

    private static ulong ReadBase(YamlMappingReader reader, string key, ulong alignment)
    {
        ulong start = reader.Number(key, "a physical address below 2^48, as in 0x8080000", 0, AddressLimit - 1);
        if (start % alignment != 0)
        {
            reader.Fail(key, $"expected an address aligned to {YamlNumber.Size(alignment)}, not 0x{start:x}.");
        }

        return start;
    }
}
