namespace Doorbell.Iommu;

/// <summary>
/// The shape of a translation table: granule, input size, and from them levels and block sizes (Arm VMSAv8-64, DDI 0487
/// chapter D8; the x86 formats with 4 KiB pages have the same shape).
/// </summary>
public sealed class PageTableFormat
{
    private PageTableFormat(int pageShift, int inputBits, int blockLevels, bool concatenated)
    {
        PageShift = pageShift;
        InputBits = inputBits;
        // A table fills one granule with 8-byte descriptors.
        BitsPerLevel = pageShift - 3;
        int levels = (inputBits - pageShift + BitsPerLevel - 1) / BitsPerLevel;
        if (concatenated && levels > 2 && inputBits - pageShift - (BitsPerLevel * (levels - 1)) <= MaxConcatenationBits)
        {
            levels--;
        }

        Levels = levels;
        for (int level = 0; level <= Math.Min(blockLevels, levels - 1); level++)
        {
            PageSizes |= 1UL << ShiftOf(level);
        }
    }

    // Stage 2 may put up to 16 tables side by side at its first level instead of adding a level above them (D8.2).
    private const int MaxConcatenationBits = 4;

    /// <summary>log2 of the granule in bytes: 12, 14 or 16.</summary>
    public int PageShift { get; }

    /// <summary>Bytes in the smallest mapping.</summary>
    public ulong Granule => 1UL << PageShift;

    /// <summary>Bits of IOVA the tables can hold.</summary>
    public int InputBits { get; }

    /// <summary>Bits of IOVA a table below the first resolves: 9, 11 or 13.</summary>
    public int BitsPerLevel { get; }

    /// <summary>Tables on the way from the first one to a page, both included.</summary>
    public int Levels { get; }

    /// <summary>Bit n set: blocks of 2^n bytes can be mapped. 0x40201000 for the 4 KiB granule, 0x2004000 for 16, 0x20010000 for 64.</summary>
    public ulong PageSizes { get; }

    /// <summary>Last IOVA the tables can hold, inclusive.</summary>
    public ulong LastInput => (1UL << InputBits) - 1;

    /// <summary>log2 of the bytes one entry of a table covers; level 0 is the page level, <see cref="Levels"/> - 1 the first table.</summary>
    public int ShiftOf(int level) => PageShift + (BitsPerLevel * level);

    /// <summary>The formats of VT-d's second stage and of AMD-Vi's host tables, as far as they are used: 4 KiB pages, blocks of 2 MiB and 1 GiB.</summary>
    /// <param name="granule">4096 bytes.</param>
    /// <param name="inputBits">32 to 52: three to five levels.</param>
    /// <exception cref="ArgumentOutOfRangeException">The architectures have no such format.</exception>
    public static PageTableFormat X86(ulong granule, int inputBits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(granule, 0x1000UL);
        return Arm(granule, inputBits);
    }

    /// <summary>Arm's format: blocks of 1 GiB and 2 MiB with 4 KiB pages, 32 MiB with 16 KiB, 512 MiB with 64 KiB.</summary>
    /// <param name="granule">4096, 16384 or 65536 bytes.</param>
    /// <param name="inputBits">32 to 52.</param>
    /// <param name="concatenated">Stage 2: tables may be concatenated at the first level.</param>
    /// <exception cref="ArgumentOutOfRangeException">The architecture has no such format.</exception>
    public static PageTableFormat Arm(ulong granule, int inputBits, bool concatenated = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputBits, 32);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(inputBits, 52);
        return granule switch
        {
            0x1000 => new PageTableFormat(12, inputBits, blockLevels: 2, concatenated),
            0x4000 => new PageTableFormat(14, inputBits, blockLevels: 1, concatenated),
            0x10000 => new PageTableFormat(16, inputBits, blockLevels: 1, concatenated),
            _ => throw new ArgumentOutOfRangeException(nameof(granule), granule, "a granule is 4, 16 or 64 KiB"),
        };
    }
}
