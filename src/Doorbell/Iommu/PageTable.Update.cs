using System.Runtime.CompilerServices;

namespace Doorbell.Iommu;

/// <content>What the one writer does.</content>
public sealed partial class PageTable
{
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
            if (blocks && (first & slotMask) == 0 && end - first == slotMask && (PageTableEntry.Address(entry) & slotMask) == 0)
            {
                // Nothing in the range is mapped, so a table in the way is the idle one.
                if (slot.Child is not null)
                {
                    DropBelow(table, ref slot, level);
                }

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

        InstallPages(Unsafe.As<ulong[]>(child), first, last, entry);
        return true;
    }

    private void InstallPages(ulong[] pages, ulong first, ulong last, ulong entry)
    {
        int index = (int)(first >> _pageShift) & _indexMask;
        int count = (int)((last - first) >> _pageShift) + 1;
        for (int i = 0; i < count; i++)
        {
            Volatile.Write(ref pages[index + i], entry + ((ulong)i << _pageShift));
        }

        pages[^1] += (ulong)count;
        Count(count, (ulong)count << _pageShift);
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
            if (cleared == 0 || _tableLimit != int.MaxValue)
            {
                Unlink(table, ref slot);
            }
            else
            {
                Retire(first, Format.ShiftOf(level + 1));
            }
        }

        return cleared;
    }

    private void Unlink(PageTableSlot[] table, ref PageTableSlot slot)
    {
        Volatile.Write(ref slot.Child, null);
        Live(table)--;
        _tableCount--;
    }

    // The table that covers 2^shift bytes around the IOVA has become empty: it is the idle one from now on, and the one before goes if
    // it is still empty. No table above the new one can go with it, since the new one is still linked.
    private void Retire(ulong iova, int shift)
    {
        if (_idle is { } before && (before ^ iova) >> shift != 0)
        {
            DropEmpty(_root, Format.Levels - 1, before);
        }

        _idle = iova;
    }

    private void DropBelow(PageTableSlot[] table, ref PageTableSlot slot, int level)
    {
        if (level > 1 && _idle is { } iova)
        {
            DropEmpty(Unsafe.As<PageTableSlot[]>(slot.Child!), level - 1, iova);
        }

        _idle = null;
        Unlink(table, ref slot);
    }

    private void DropEmpty(PageTableSlot[] table, int level, ulong iova)
    {
        ref PageTableSlot slot = ref table[Index(iova, Format.ShiftOf(level))];
        if (slot.Child is null)
        {
            return;
        }

        ulong live;
        if (level > 1)
        {
            PageTableSlot[] below = Unsafe.As<PageTableSlot[]>(slot.Child);
            DropEmpty(below, level - 1, iova);
            live = Live(below);
        }
        else
        {
            live = Unsafe.As<ulong[]>(slot.Child)[^1];
        }

        if (live == 0)
        {
            Unlink(table, ref slot);
        }
    }

    private void Count(int entries, ulong bytes)
    {
        Volatile.Write(ref _entryCount, _entryCount + entries);
        Volatile.Write(ref _mappedBytes, unchecked(_mappedBytes + bytes));
    }
}
