using System.Runtime.CompilerServices;

namespace Doorbell.Iommu;

/// <content>What the one writer does.</content>
public sealed partial class PageTable
{
    // entry is the descriptor for first; those further on follow by adding to its address.
    private bool Install(PageTableSlot[] table, ref ulong live, int level, ulong first, ulong last, ulong entry)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        bool blocks = (Format.PageSizes >> shift & 1) != 0;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            if (blocks && (first & slotMask) == 0 && end - first == slotMask && (PageTableEntry.Address(entry) & slotMask) == 0)
            {
                // Nothing in the range is mapped, so a table in the way is the idle one.
                if (slot.Child is not null)
                {
                    DropBelow(ref slot, ref live, level);
                }

                Volatile.Write(ref slot.Entry, entry);
                live += PageTableSlot.One;
                Count(1, slotMask + 1);
            }
            else if (!InstallBelow(ref slot, ref live, level - 1, first, end, entry))
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

    private bool InstallBelow(ref PageTableSlot slot, ref ulong live, int level, ulong first, ulong last, ulong entry)
    {
        object? child = slot.Child;
        if (child is null)
        {
            if (_tableCount >= _tableLimit)
            {
                return false;
            }

            child = level == 0 ? new ulong[_indexMask + 1] : new PageTableSlot[_indexMask + 1];
            _tableCount++;
            live += PageTableSlot.One;
            Volatile.Write(ref slot.Child, child);
        }

        if (level != 0)
        {
            return Install(Unsafe.As<PageTableSlot[]>(child), ref slot.Entry, level, first, last, entry);
        }

        InstallPages(ref slot, first, last, entry);
        return true;
    }

    private void InstallPages(ref PageTableSlot slot, ulong first, ulong last, ulong entry)
    {
        ulong[] pages = Unsafe.As<ulong[]>(slot.Child!);
        int index = (int)(first >> _pageShift) & _indexMask;
        int count = (int)((last - first) >> _pageShift) + 1;
        for (int i = 0; i < count; i++)
        {
            Volatile.Write(ref pages[index + i], entry + ((ulong)i << _pageShift));
        }

        slot.Entry += (ulong)count * PageTableSlot.One;
        Count(count, (ulong)count << _pageShift);
    }

    // Entry by entry: a walk finds the old place or the new one, and never nothing. Blocks whose new place is not aligned become smaller ones, with more
    // tables than the limit where it must be; nothing is joined. A walk that has just passed by a block that becomes a table ends at neither: whoever finds
    // nothing walks once more. entry is the descriptor for first; those further on follow by adding to its address.
    private void Repoint(PageTableSlot[] table, int level, ulong first, ulong last, ulong entry)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            if (slot.Child is not { } child)
            {
                RepointBlock(ref slot, level, entry);
            }
            else if (level != 1)
            {
                Repoint(Unsafe.As<PageTableSlot[]>(child), level - 1, first, end, entry);
            }
            else
            {
                ulong[] pages = Unsafe.As<ulong[]>(child);
                int index = (int)(first >> _pageShift) & _indexMask;
                for (int i = 0; i <= (int)((end - first) >> _pageShift); i++)
                {
                    Volatile.Write(ref pages[index + i], entry + ((ulong)i << _pageShift));
                }
            }

            if (end == last)
            {
                return;
            }

            entry += end - first + 1;
            first = end + 1;
        }
    }

    private void RepointBlock(ref PageTableSlot slot, int level, ulong entry)
    {
        int shift = Format.ShiftOf(level);
        if ((Format.PageSizes >> shift & 1) != 0 && (PageTableEntry.Address(entry) & ((1UL << shift) - 1)) == 0)
        {
            Volatile.Write(ref slot.Entry, entry);
            return;
        }

        int below = Format.ShiftOf(level - 1);
        object child;
        if (level == 1)
        {
            ulong[] pages = new ulong[_indexMask + 1];
            for (int i = 0; i < pages.Length; i++)
            {
                pages[i] = entry + ((ulong)i << below);
            }

            child = pages;
        }
        else
        {
            PageTableSlot[] slots = new PageTableSlot[_indexMask + 1];
            for (int i = 0; i < slots.Length; i++)
            {
                RepointBlock(ref slots[i], level - 1, entry + ((ulong)i << below));
            }

            child = slots;
        }

        // The table is whole before it is linked; the block it stands for goes when it is.
        Volatile.Write(ref slot.Child, child);
        Volatile.Write(ref slot.Entry, (ulong)(_indexMask + 1) * PageTableSlot.One);
        _tableCount++;
        Count(_indexMask, 0);
    }

    private ulong Clear(PageTableSlot[] table, ref ulong live, int level, ulong first, ulong last)
    {
        int shift = Format.ShiftOf(level);
        ulong slotMask = (1UL << shift) - 1;
        ulong cleared = 0;
        while (true)
        {
            ref PageTableSlot slot = ref table[Index(first, shift)];
            ulong end = Math.Min(last, first | slotMask);
            if (PageTableEntry.IsValid(slot.Entry))
            {
                if (end - first == slotMask)
                {
                    Volatile.Write(ref slot.Entry, 0);
                    live -= PageTableSlot.One;
                    Count(-1, unchecked(0 - (slotMask + 1)));
                    cleared += slotMask + 1;
                }
            }
            else if (slot.Child is not null)
            {
                cleared += ClearBelow(ref slot, ref live, level - 1, first, end);
            }

            if (end == last)
            {
                return cleared;
            }

            first = end + 1;
        }
    }

    private ulong ClearBelow(ref PageTableSlot slot, ref ulong live, int level, ulong first, ulong last)
    {
        ulong cleared = level != 0
            ? Clear(Unsafe.As<PageTableSlot[]>(slot.Child!), ref slot.Entry, level, first, last)
            : ClearPages(ref slot, first, last);
        if (slot.Entry == 0)
        {
            if (cleared == 0 || _tableCount >= _tableLimit / 2)
            {
                Unlink(ref slot, ref live);
            }
            else
            {
                Retire(first, Format.ShiftOf(level + 1));
            }
        }

        return cleared;
    }

    private ulong ClearPages(ref PageTableSlot slot, ulong first, ulong last)
    {
        ulong[] pages = Unsafe.As<ulong[]>(slot.Child!);
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

        slot.Entry -= (ulong)count * PageTableSlot.One;
        ulong bytes = (ulong)count << _pageShift;
        Count(-count, unchecked(0 - bytes));
        return bytes;
    }

    private void Unlink(ref PageTableSlot slot, ref ulong live)
    {
        Volatile.Write(ref slot.Child, null);
        live -= PageTableSlot.One;
        _tableCount--;
    }

    // The table that covers 2^shift bytes around the IOVA has become empty: it is the idle one from now on, and the one before goes if
    // it is still empty. No table above the new one can go with it, since the new one is still linked.
    private void Retire(ulong iova, int shift)
    {
        if (_idle is { } before && (before ^ iova) >> shift != 0)
        {
            DropEmpty(_root, ref _rootLive, Format.Levels - 1, before);
        }

        _idle = iova;
    }

    private void DropBelow(ref PageTableSlot slot, ref ulong live, int level)
    {
        if (level > 1 && _idle is { } iova)
        {
            DropEmpty(Unsafe.As<PageTableSlot[]>(slot.Child!), ref slot.Entry, level - 1, iova);
        }

        _idle = null;
        Unlink(ref slot, ref live);
    }

    private void DropEmpty(PageTableSlot[] table, ref ulong live, int level, ulong iova)
    {
        ref PageTableSlot slot = ref table[Index(iova, Format.ShiftOf(level))];
        if (slot.Child is null)
        {
            return;
        }

        if (level > 1)
        {
            DropEmpty(Unsafe.As<PageTableSlot[]>(slot.Child), ref slot.Entry, level - 1, iova);
        }

        if (slot.Entry == 0)
        {
            Unlink(ref slot, ref live);
        }
    }

    private void Count(int entries, ulong bytes)
    {
        Volatile.Write(ref _entryCount, _entryCount + entries);
        Volatile.Write(ref _mappedBytes, unchecked(_mappedBytes + bytes));
    }
}
