using System.Buffers.Binary;

namespace Doorbell.Machines.DeviceTree;

/// <summary>The header of a flattened device tree (Devicetree Specification 0.4, 5.2), checked: its blocks lie in the file, aligned, and share nothing.</summary>
internal readonly struct FdtHeader
{
    /// <summary>Bytes of the header of version 17.</summary>
    public const int Size = 40;

    /// <summary>Most bytes an arm64 kernel takes (Documentation/arch/arm64/booting: the blob must not exceed 2 megabytes).</summary>
    public const int MaxTotalSize = 0x20_0000;

    private const uint Magic = 0xd00d_feed;
    private const uint Version = 17;
    private const uint LastCompatibleVersion = 16;
    private const int ReservationSize = 16;

    private FdtHeader(int totalSize, Range structure, Range strings)
    {
        TotalSize = totalSize;
        Structure = structure;
        Strings = strings;
    }

    /// <summary>Bytes of the whole tree; what follows in the file is not its.</summary>
    public int TotalSize { get; }

    /// <summary>The structure block.</summary>
    public Range Structure { get; }

    /// <summary>The strings block.</summary>
    public Range Strings { get; }

    /// <summary>Reads and checks it, the memory reservation block included.</summary>
    /// <returns>EINVAL with what is wrong.</returns>
    public static Result<FdtHeader> Read(ReadOnlySpan<byte> blob)
    {
        if (blob.Length < Size)
        {
            return Fail($"it has {blob.Length} bytes: expected a header of {Size} at least");
        }

        if (Word(blob, 0) != Magic)
        {
            return Fail($"it begins with 0x{Word(blob, 0):x8}: expected 0x{Magic:x8}, a flattened device tree's first word");
        }

        uint version = Word(blob, 20), lastCompatible = Word(blob, 24);
        if (version < Version || lastCompatible > Version || lastCompatible < LastCompatibleVersion)
        {
            return Fail($"it is of version {version}, compatible back to {lastCompatible}: expected version {Version}, compatible back to {LastCompatibleVersion}");
        }

        uint total = Word(blob, 4);
        if (total > MaxTotalSize)
        {
            return Fail($"its totalsize is {total} bytes: expected {MaxTotalSize} at most, as Linux does");
        }

        if (total < Size || total > blob.Length)
        {
            return Fail($"its totalsize is {total} bytes, and the file has {blob.Length}: expected a whole tree");
        }

        blob = blob[..(int)total];
        uint reservations = Word(blob, 16), structure = Word(blob, 8), strings = Word(blob, 12);
        uint structureSize = Word(blob, 36), stringsSize = Word(blob, 32);
        if (CheckBlock("memory reservation block", reservations, ReservationSize, 8, total) is { } badReservations)
        {
            return badReservations;
        }

        if (CheckBlock("structure block", structure, structureSize, 4, total) is { } badStructure)
        {
            return badStructure;
        }

        if (CheckBlock("strings block", strings, stringsSize, 1, total) is { } badStrings)
        {
            return badStrings;
        }

        // Ends with an entry of size 0 (5.3.2); whose end is the file's is one without an end.
        uint end = reservations;
        bool last;
        do
        {
            if (total - end < ReservationSize)
            {
                return Fail($"its memory reservation block at 0x{reservations:x} does not end: expected a last entry of zeroes");
            }

            last = BinaryPrimitives.ReadUInt64BigEndian(blob[(int)(end + 8)..]) == 0;
            end += ReservationSize;
        }
        while (!last);

        if (Overlap(reservations, end - reservations, structure, structureSize) || Overlap(reservations, end - reservations, strings, stringsSize)
            || Overlap(structure, structureSize, strings, stringsSize))
        {
            return Fail($"its blocks overlap (memory reservations 0x{reservations:x}-0x{end:x}, structure 0x{structure:x}-0x{structure + structureSize:x}, strings 0x{strings:x}-0x{strings + stringsSize:x}): expected each its own bytes");
        }

        return new FdtHeader((int)total, (int)structure..(int)(structure + structureSize), (int)strings..(int)(strings + stringsSize));
    }

    private static Result? CheckBlock(string block, uint offset, uint size, uint alignment, uint total)
    {
        if (offset < Size || offset > total || size > total - offset)
        {
            return Fail($"its {block} is 0x{size:x} bytes at 0x{offset:x}: expected it between the header and the tree's end, 0x{total:x}");
        }

        return offset % alignment == 0 ? null : Fail($"its {block} is at 0x{offset:x}: expected a multiple of {alignment}");
    }

    private static bool Overlap(uint first, uint firstSize, uint second, uint secondSize) => first < second + secondSize && second < first + firstSize;

    private static uint Word(ReadOnlySpan<byte> blob, int offset) => BinaryPrimitives.ReadUInt32BigEndian(blob[offset..]);

    private static Result Fail(string what) => Result.Fail(Errno.EINVAL, what);
}
