using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Doorbell.Iommu;

/// <summary>
/// A multi-level translation table. Any number of readers walk it without locks while one writer (the caller sees to
/// that) maps and unmaps.
/// </summary>
/// <remarks>
/// Tables that become empty are unlinked and left to the garbage collector, never reused: a reader that is still inside
/// one finds its cleared entries and nothing of another range. The one that was emptied last stays linked until the next one
/// is, so that mapping and unmapping the same page does not build and drop its tables each time.
/// </remarks>
public sealed partial class PageTable
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

    // As PageTableSlot.Entry of a slot above the first table would be, if there were one.
    private ulong _rootLive;

    // An IOVA of the emptied table that is still linked.
    private ulong? _idle;

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
        _root = new PageTableSlot[(int)(_last >> _rootShift) + 1];
    }

    /// <summary>Its shape.</summary>
    public PageTableFormat Format { get; }

    /// <summary>Pages and blocks mapped.</summary>
    public long EntryCount => Volatile.Read(ref _entryCount);

    /// <summary>Bytes mapped.</summary>
    public ulong MappedBytes => Volatile.Read(ref _mappedBytes);

    /// <summary>Tables in use, the first included; when nothing is mapped, at most <see cref="PageTableFormat.Levels"/>.</summary>
    public int TableCount => Volatile.Read(ref _tableCount);

    /// <summary>The descriptor that holds <paramref name="iova"/>; not a valid one where there is none. Neither locks nor allocates.</summary>
    /// <remarks>Without array bounds checks: an index is masked to the tables' length, or follows from an IOVA that was compared with the last one.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong Walk(ulong iova, out int shift)
    {
        shift = _rootShift;
        if (iova > _last)
        {
            return 0;
        }

        ref PageTableSlot slot = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_root), (nint)(iova >> shift));
        while (Volatile.Read(ref slot.Child) is { } child)
        {
            shift -= _bits;
            nint index = (nint)(iova >> shift) & _indexMask;
            if (shift == _pageShift)
            {
                return Volatile.Read(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<ulong[]>(child)), index));
            }

            slot = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<PageTableSlot[]>(child)), index);
        }

        return Volatile.Read(ref slot.Entry);
    }

    /// <summary>Translates: false where nothing is mapped or the mapping does not allow the access. Neither locks nor allocates.</summary>
    /// <param name="iova">Any IOVA.</param>
    /// <param name="access">Read, Write or both.</param>
    /// <param name="pa">Where it goes.</param>
    /// <param name="contiguous">Bytes from there to the end of the page or block.</param>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa, out ulong contiguous)
    {
        ulong entry = Walk(iova.Value, out int shift);
        if (!PageTableEntry.IsValid(entry) || !PageTableEntry.Allows(entry, access))
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
        bool valid = PageTableEntry.IsValid(entry);
        pa = valid ? new PhysicalAddress(PageTableEntry.Address(entry, iova.Value, shift)) : default;
        blockSize = valid ? 1UL << shift : 0;
        protection = valid ? PageTableEntry.Protection(entry) : default;
        return valid;
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

        ulong last = iova.Value + (size - 1);
        if (size == Format.Granule)
        {
            ref PageTableSlot slot = ref FindPageSlot(iova.Value);
            if (!Unsafe.IsNullRef(ref slot) && Unsafe.As<ulong[]>(slot.Child!)[(int)(iova.Value >> _pageShift) & _indexMask] == 0)
            {
                InstallPages(ref slot, iova.Value, last, PageTableEntry.Make(pa.Value, protection));
                return Result.Ok;
            }
        }

        // Looked for first, so that no reader ever sees part of a mapping that is then refused.
        if (TryFindMapped(iova, size, out Iova taken))
        {
            return Result.Fail(Errno.EEXIST, $"map of {iova}, size 0x{size:x}: {taken} is mapped already");
        }

        if (TablesFor(iova, pa, size) > TablesLeft)
        {
            return TooMany(iova, size);
        }

        if (!Install(_root, ref _rootLive, Format.Levels - 1, iova.Value, last, PageTableEntry.Make(pa.Value, protection)))
        {
            // The range was empty before, so clearing it takes back exactly what was installed.
            Clear(_root, ref _rootLive, Format.Levels - 1, iova.Value, last);
            return TooMany(iova, size);
        }

        return Result.Ok;
    }

    /// <summary>False where <see cref="Repoint(Iova, PhysicalAddress, ulong, IommuProtection)"/> would need more tables than the limit leaves: known without building any.</summary>
    /// <param name="iova">First IOVA of the mapping.</param>
    /// <param name="before">Where it leads.</param>
    /// <param name="pa">Where it is to lead.</param>
    /// <param name="size">Its bytes.</param>
    public bool AffordsRepoint(Iova iova, PhysicalAddress before, PhysicalAddress pa, ulong size)
    {
        ulong needed = TablesFor(iova, pa, size);
        return needed - Math.Min(needed, TablesFor(iova, before, size)) <= TablesLeft;
    }

    // None where there are more than the limit already: what is reckoned below is the least, and a Repoint may have needed a few more.
    private ulong TablesLeft => (ulong)Math.Max(_tableLimit - _tableCount, 0);

    // Below the lowest level whose blocks cannot be used, because the addresses differ in what such a block leaves alone, every entry is a table.
    private ulong TablesFor(Iova iova, PhysicalAddress pa, ulong size)
    {
        for (int level = 1; level < Format.Levels; level++)
        {
            int shift = Format.ShiftOf(level);
            if ((Format.PageSizes >> shift & 1) == 0 || ((iova.Value ^ pa.Value) & ((1UL << shift) - 1)) != 0)
            {
                return size >> shift;
            }
        }

        return 0;
    }

    private Result TooMany(Iova iova, ulong size) =>
        Result.Fail(Errno.ENOMEM, $"map of {iova}, size 0x{size:x}: more than {_tableLimit} tables. A vaddr as far from a multiple of 1 GiB as the IOVA needs the fewest.");

    /// <summary>Lets one whole mapping lead elsewhere, with the protection given, so that a reader finds the old place or the new one and never nothing.</summary>
    /// <param name="iova">First IOVA of it, aligned to the granule.</param>
    /// <param name="pa">Where it leads from now on, aligned.</param>
    /// <param name="size">Its bytes, all of them mapped.</param>
    /// <param name="protection">What it allows.</param>
    public void Repoint(Iova iova, PhysicalAddress pa, ulong size, IommuProtection protection) =>
        Repoint(_root, Format.Levels - 1, iova.Value, iova.Value + (size - 1), PageTableEntry.Make(pa.Value, protection));

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

        if (size == Format.Granule)
        {
            ref PageTableSlot slot = ref FindPageSlot(iova.Value);
            if (!Unsafe.IsNullRef(ref slot) && slot.Entry > PageTableSlot.One)
            {
                return ClearPages(ref slot, iova.Value, iova.Value);
            }
        }

        return Clear(_root, ref _rootLive, Format.Levels - 1, iova.Value, LastOf(iova.Value, size));
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

    private int Index(ulong iova, int shift) => shift == _rootShift ? (int)(iova >> shift) : (int)(iova >> shift) & _indexMask;

    private bool Find(PageTableSlot[] table, int level, ulong first, ulong last, out ulong found)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            found = first;
            if (PageTableEntry.IsValid(slot.Entry) || (slot.Child is { } child && FindBelow(child, level - 1, first, end, out found)))
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

    // The slot above the table of pages that holds the IOVA; a null reference where there is no such table.
    private ref PageTableSlot FindPageSlot(ulong iova)
    {
        ref PageTableSlot slot = ref _root[(int)(iova >> _rootShift)];
        for (int shift = _rootShift - _bits; slot.Child is { } child; shift -= _bits)
        {
            if (shift == _pageShift)
            {
                return ref slot;
            }

            slot = ref Unsafe.As<PageTableSlot[]>(child)[(int)(iova >> shift) & _indexMask];
        }

        return ref Unsafe.NullRef<PageTableSlot>();
    }
}
