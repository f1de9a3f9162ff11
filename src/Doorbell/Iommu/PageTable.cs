using System.Runtime.CompilerServices;

namespace Doorbell.Iommu;

/// <summary>
/// A multi-level translation table. Any number of readers walk it without locks while one writer (the caller sees to
/// that) maps and unmaps.
/// </summary>
/// <remarks>
/// Tables that become empty are unlinked and left to the garbage collector, never reused: a reader that is still inside
/// one finds its cleared entries and nothing of another range.
/// </remarks>
public sealed class PageTable
{
    private readonly PageTableSlot[] _root;
    private readonly int _pageShift;
    private readonly int _bits;
    private readonly int _rootShift;
    private readonly int _indexMask;
    private readonly ulong _last;
    private readonly int _tableLimit;

    private long _entryCount;
    private ulong _mappedBytes;
    private int _tableCount = 1;

    /// <summary>An empty table.</summary>
    /// <param name="format">Its shape.</param>
    /// <param name="tableLimit">Most tables it may use, the first included; a map that needs more is refused with ENOMEM.</param>
    public PageTable(PageTableFormat format, int tableLimit = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentOutOfRangeException.ThrowIfLessThan(tableLimit, 1);
        Format = format;
        _pageShift = format.PageShift;
        _bits = format.BitsPerLevel;
        _rootShift = format.ShiftOf(format.Levels - 1);
        _indexMask = (1 << _bits) - 1;
        _last = format.LastInput;
        _tableLimit = tableLimit;
        _root = new PageTableSlot[(int)(_last >> _rootShift) + 2];
    }

    /// <summary>Its shape.</summary>
    public PageTableFormat Format { get; }

    /// <summary>Pages and blocks mapped.</summary>
    public long EntryCount => Volatile.Read(ref _entryCount);

    /// <summary>Bytes mapped.</summary>
    public ulong MappedBytes => Volatile.Read(ref _mappedBytes);

    /// <summary>Tables in use; 1, the first, when nothing is mapped.</summary>
    public int TableCount => Volatile.Read(ref _tableCount);

    /// <summary>The descriptor that holds <paramref name="iova"/>, 0 where there is none. Neither locks nor allocates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong Walk(ulong iova, out int shift)
    {
        shift = _rootShift;
        if (iova > _last)
        {
            return 0;
        }

        PageTableSlot[] table = _root;
        int index = (int)(iova >> shift);
        while (true)
        {
            ref PageTableSlot slot = ref table[index];
            ulong entry = Volatile.Read(ref slot.Entry);
            if (entry != 0)
            {
                return entry;
            }

            object? child = Volatile.Read(ref slot.Child);
            if (child is null)
            {
                return 0;
            }

            shift -= _bits;
            index = (int)(iova >> shift) & _indexMask;
            if (shift == _pageShift)
            {
                return Volatile.Read(ref Unsafe.As<ulong[]>(child)[index]);
            }

            table = Unsafe.As<PageTableSlot[]>(child);
        }
    }

    /// <summary>Translates: false where nothing is mapped or the mapping does not allow the access. Neither locks nor allocates.</summary>
    /// <param name="iova">Any IOVA.</param>
    /// <param name="access">Read, Write or both.</param>
    /// <param name="pa">Where it goes.</param>
    /// <param name="contiguous">Bytes from there to the end of the page or block.</param>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa, out ulong contiguous)
    {
        ulong entry = Walk(iova.Value, out int shift);
        if (entry == 0 || !PageTableEntry.Allows(entry, access))
        {
            pa = default;
            contiguous = 0;
            return false;
        }

        pa = new PhysicalAddress(PageTableEntry.Address(entry, iova.Value, shift));
        contiguous = (1UL << shift) - (iova.Value & ((1UL << shift) - 1));
        return true;
    }

    /// <summary>The page or block that holds an IOVA: its size and what it allows.</summary>
    public bool TryGetEntry(Iova iova, out PhysicalAddress pa, out ulong blockSize, out IommuProtection protection)
    {
        ulong entry = Walk(iova.Value, out int shift);
        pa = entry == 0 ? default : new PhysicalAddress(PageTableEntry.Address(entry, iova.Value, shift));
        blockSize = entry == 0 ? 0 : 1UL << shift;
        protection = PageTableEntry.Protection(entry);
        return entry != 0;
    }

    /// <summary>
    /// Maps with the largest blocks that the alignment of both addresses and the size permit. Nothing changes when it fails.
    /// </summary>
    /// <returns>
    /// EINVAL: empty, not aligned to the granule, past the last IOVA, or neither readable nor writable. ERANGE: the PAs wrap or
    /// leave their address space. EEXIST: something in the range is mapped. ENOMEM: more tables than the limit allows.
    /// </returns>
    public Result Map(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        ulong granuleMask = Format.Granule - 1;
        if (size == 0 || ((iova.Value | pa.Value | size) & granuleMask) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"map of {iova} to {pa}, size 0x{size:x}: empty or not aligned to the granule of 0x{Format.Granule:x} bytes");
        }

        if (iova.Value > _last || size - 1 > _last - iova.Value)
        {
            return Result.Fail(Errno.EINVAL, $"map of {iova}, size 0x{size:x}: past the last IOVA 0x{_last:x} of the domain");
        }

        // Carrying into the top half-word would be another client's memory.
        if ((pa.Value >> 48) != unchecked(pa.Value + (size - 1)) >> 48)
        {
            return Result.Fail(Errno.ERANGE, $"map of {iova} to {pa}, size 0x{size:x}: the physical range leaves its address space");
        }

        if ((protection & (IommuProtection.Read | IommuProtection.Write)) == 0)
        {
            return Result.Fail(Errno.EINVAL, $"map of {iova}, size 0x{size:x}: neither readable nor writable");
        }

        // Looked for first, so that no reader ever sees part of a mapping that is then refused.
        if (TryFindMapped(iova, size, out Iova taken))
        {
            return Result.Fail(Errno.EEXIST, $"map of {iova}, size 0x{size:x}: {taken} is mapped already");
        }

        ulong last = iova.Value + (size - 1);
        if (!Install(_root, Format.Levels - 1, iova.Value, last, PageTableEntry.Make(pa.Value, protection)))
        {
            // The range was empty before, so clearing it takes back exactly what was installed.
            Clear(_root, Format.Levels - 1, iova.Value, last);
            return Result.Fail(Errno.ENOMEM, $"map of {iova}, size 0x{size:x}: more than {_tableLimit} tables");
        }

        return Result.Ok;
    }

    /// <summary>Unmaps the pages and blocks that lie wholly in the range; a block that sticks out stays as it is (nothing is split).</summary>
    /// <param name="iova">First IOVA, aligned to the granule.</param>
    /// <param name="size">Bytes, aligned; what goes past the last IOVA is cut off.</param>
    /// <returns>Bytes unmapped; 0 also for a range that is empty or not aligned.</returns>
    public ulong Unmap(Iova iova, ulong size)
    {
        if (size == 0 || ((iova.Value | size) & (Format.Granule - 1)) != 0 || iova.Value > _last)
        {
            return 0;
        }

        return Clear(_root, Format.Levels - 1, iova.Value, LastOf(iova.Value, size));
    }

    /// <summary>The first IOVA in the range that is mapped. Absent tables are skipped whole, so an empty range is quick whatever its size.</summary>
    public bool TryFindMapped(Iova iova, ulong size, out Iova mapped)
    {
        mapped = default;
        if (size == 0 || iova.Value > _last || !Find(_root, Format.Levels - 1, iova.Value, LastOf(iova.Value, size), out ulong found))
        {
            return false;
        }

        mapped = new Iova(found);
        return true;
    }

    private ulong LastOf(ulong iova, ulong size) => size - 1 > _last - iova ? _last : iova + (size - 1);

    // In every table the entry after the last counts the ones in use.
    private static ref ulong Live(PageTableSlot[] table) => ref table[^1].Entry;

    private int Index(ulong iova, int shift) => shift == _rootShift ? (int)(iova >> shift) : (int)(iova >> shift) & _indexMask;

    // entry is the descriptor for first; those further on follow by adding to its address.
    private bool Install(PageTableSlot[] table, int level, ulong first, ulong last, ulong entry)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        bool blocks = (Format.PageSizes >> shift & 1) != 0;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            if (blocks && slot.Child is null && (first & slotMask) == 0 && end - first == slotMask && (entry & slotMask & ~0xfffUL) == 0)
            {
                Volatile.Write(ref slot.Entry, entry);
                Live(table)++;
                Count(1, slotMask + 1);
            }
            else if (!InstallBelow(table, ref slot, level - 1, first, end, entry))
            {
                return false;
            }

            if (end == last)
            {
                return true;
            }

            entry += end - first + 1;
            first = end + 1;
        }
    }

    private bool InstallBelow(PageTableSlot[] table, ref PageTableSlot slot, int level, ulong first, ulong last, ulong entry)
    {
        object? child = slot.Child;
        if (child is null)
        {
            if (_tableCount >= _tableLimit)
            {
                return false;
            }

            child = level == 0 ? new ulong[_indexMask + 2] : new PageTableSlot[_indexMask + 2];
            _tableCount++;
            Live(table)++;
            Volatile.Write(ref slot.Child, child);
        }

        if (level != 0)
        {
            return Install(Unsafe.As<PageTableSlot[]>(child), level, first, last, entry);
        }

        ulong[] pages = Unsafe.As<ulong[]>(child);
        int index = (int)(first >> _pageShift) & _indexMask;
        int count = (int)((last - first) >> _pageShift) + 1;
        for (int i = 0; i < count; i++)
        {
            Volatile.Write(ref pages[index + i], entry + ((ulong)i << _pageShift));
        }

        pages[^1] += (ulong)count;
        Count(count, (ulong)count << _pageShift);
        return true;
    }

    private ulong Clear(PageTableSlot[] table, int level, ulong first, ulong last)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        ulong cleared = 0;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            if (slot.Entry != 0)
            {
                if (end - first == slotMask)
                {
                    Volatile.Write(ref slot.Entry, 0);
                    Live(table)--;
                    Count(-1, unchecked(0 - (slotMask + 1)));
                    cleared += slotMask + 1;
                }
            }
            else if (slot.Child is not null)
            {
                cleared += ClearBelow(table, ref slot, level - 1, first, end);
            }

            if (end == last)
            {
                return cleared;
            }

            first = end + 1;
        }
    }

    private ulong ClearBelow(PageTableSlot[] table, ref PageTableSlot slot, int level, ulong first, ulong last)
    {
        ulong cleared;
        ulong live;
        if (level != 0)
        {
            PageTableSlot[] below = Unsafe.As<PageTableSlot[]>(slot.Child!);
            cleared = Clear(below, level, first, last);
            live = Live(below);
        }
        else
        {
            ulong[] pages = Unsafe.As<ulong[]>(slot.Child!);
            cleared = ClearPages(pages, first, last);
            live = pages[^1];
        }

        if (live == 0)
        {
            Volatile.Write(ref slot.Child, null);
            Live(table)--;
            _tableCount--;
        }

        return cleared;
    }

    private ulong ClearPages(ulong[] pages, ulong first, ulong last)
    {
        int index = (int)(first >> _pageShift) & _indexMask;
        int lastIndex = (int)(last >> _pageShift) & _indexMask;
        int count = 0;
        for (; index <= lastIndex; index++)
        {
            if (pages[index] != 0)
            {
                Volatile.Write(ref pages[index], 0);
                count++;
            }
        }

        pages[^1] -= (ulong)count;
        ulong bytes = (ulong)count << _pageShift;
        Count(-count, unchecked(0 - bytes));
        return bytes;
    }

    private bool Find(PageTableSlot[] table, int level, ulong first, ulong last, out ulong found)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            found = first;
            if (slot.Entry != 0 || (slot.Child is { } child && FindBelow(child, level - 1, first, end, out found)))
            {
                return true;
            }

            if (end == last)
            {
                return false;
            }

            first = end + 1;
        }
    }

    private bool FindBelow(object child, int level, ulong first, ulong last, out ulong found)
    {
        if (level != 0)
        {
            return Find(Unsafe.As<PageTableSlot[]>(child), level, first, last, out found);
        }

        int index = (int)(first >> _pageShift) & _indexMask;
        int count = (int)((last - first) >> _pageShift) + 1;
        int offset = Unsafe.As<ulong[]>(child).AsSpan(index, count).IndexOfAnyExcept(0UL);
        found = first + ((ulong)Math.Max(offset, 0) << _pageShift);
        return offset >= 0;
    }

    private void Count(int entries, ulong bytes)
    {
        Volatile.Write(ref _entryCount, _entryCount + entries);
        Volatile.Write(ref _mappedBytes, unchecked(_mappedBytes + bytes));
    }
}
