using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Doorbell.Iommu;

/// <summary>
/// A domain's translations as the unit has cached them: what was found once is served until it is invalidated, whatever the tables
/// say by then. Whoever takes a descriptor out of the tables invalidates it, and only then hands out its IOVA or its page again (I7, N3).
/// </summary>
/// <remarks>
/// <para>64 entries, each of one granule at a place its number decides. Only what is there is cached: mapping something new needs
/// no invalidation. A page is taken in when it is missed twice in a row at its place, so that transactions all over memory neither
/// push the doorbell out nor pay for taking in what is not asked for again.</para>
/// <para>Looking up and taking in neither lock, wait nor allocate. An entry's words are guarded by its sequence number: odd while
/// somebody writes them, and another one afterwards, so that a reader never puts together words of two translations. A walk that
/// began before an invalidation does not take in what it found: it compares the generation while it owns the entry, and the
/// invalidation, which has raised the generation, waits for an owner to be done. Invalidations exclude each other (the caller sees to that).</para>
/// </remarks>
internal sealed class Iotlb(int pageShift)
{
    private const int SlotBits = 6;
    private const int SlotCount = 1 << SlotBits;
    private const int ShiftBit = 6;
    private const ulong ShiftMask = 0x3f << ShiftBit;

    private readonly Slot[] _slots = new Slot[SlotCount];
    private long _generation;

    /// <summary>Invalidations so far. Read before a walk whose result is to be taken in.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>Translations cached now.</summary>
    public int Count
    {
        get
        {
            int count = 0;
            foreach (ref Slot slot in _slots.AsSpan())
            {
                count += Volatile.Read(ref slot.Key) != 0 ? 1 : 0;
            }

            return count;
        }
    }

    /// <summary>The cached descriptor of the page or block that holds the IOVA, and its size; 0 where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Find(ulong iova, out int shift)
    {
        ulong key = KeyOf(iova);
        ref Slot slot = ref SlotOf(key);
        if (slot.Key == key)
        {
            return Read(ref slot, key, out shift);
        }

        shift = 0;
        return 0;
    }

    /// <summary>True for what was looked for in vain last time too, and so is worth taking in; else it is remembered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsWanted(ulong iova)
    {
        ulong key = KeyOf(iova);
        ref Slot slot = ref SlotOf(key);
        if (slot.MissedLast == key)
        {
            return true;
        }

        slot.MissedLast = key;
        return false;
    }

    /// <summary>Takes in what a walk found, unless something was invalidated since.</summary>
    /// <param name="iova">What was translated.</param>
    /// <param name="entry">The descriptor found.</param>
    /// <param name="shift">log2 of the bytes it covers.</param>
    /// <param name="generation"><see cref="Generation"/> before the walk.</param>
    public void Take(ulong iova, ulong entry, int shift, long generation)
    {
        Interleaving.Point("has walked");
        ulong key = KeyOf(iova);
        ref Slot slot = ref SlotOf(key);
        long sequence = Volatile.Read(ref slot.Sequence);
        if ((sequence & 1) != 0 || Interlocked.CompareExchange(ref slot.Sequence, sequence + 1, sequence) != sequence)
        {
            return;
        }

        // Owned, by a full barrier: an invalidation either has raised the generation that is read here, or waits for this entry.
        if (Volatile.Read(ref _generation) == generation)
        {
            slot.Key = key;
            slot.Value = entry | ((ulong)shift << ShiftBit);
        }

        Volatile.Write(ref slot.Sequence, sequence + 2);
    }

    /// <summary>Nothing of the range is served afterwards, and no walk that began before brings anything of it back. The tables have lost it already.</summary>
    public void Invalidate(ulong first, ulong last)
    {
        // A full barrier: what owns an entry from here on sees the new generation.
        Interlocked.Increment(ref _generation);
        ulong firstKey = KeyOf(first);
        ulong lastKey = KeyOf(last);
        if (lastKey - firstKey < SlotCount / 4)
        {
            for (ulong key = firstKey; key <= lastKey; key++)
            {
                Clear(ref SlotOf(key), key, key);
            }

            return;
        }

        foreach (ref Slot slot in _slots.AsSpan())
        {
            Clear(ref slot, firstKey, lastKey);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Read(ref Slot slot, ulong key, out int shift)
    {
        long sequence = Volatile.Read(ref slot.Sequence);
        bool found = Volatile.Read(ref slot.Key) == key;
        ulong value = Volatile.Read(ref slot.Value);
        shift = (int)((value & ShiftMask) >> ShiftBit);
        return found && (sequence & 1) == 0 && Volatile.Read(ref slot.Sequence) == sequence ? value & ~ShiftMask : 0;
    }

    private static void Clear(ref Slot slot, ulong firstKey, ulong lastKey)
    {
        SpinWait wait = default;
        while (true)
        {
            long sequence = Volatile.Read(ref slot.Sequence);
            if ((sequence & 1) != 0)
            {
                wait.SpinOnce();
                continue;
            }

            ulong key = Volatile.Read(ref slot.Key);
            if (key < firstKey || key > lastKey)
            {
                return;
            }

            if (Interlocked.CompareExchange(ref slot.Sequence, sequence + 1, sequence) == sequence)
            {
                slot.Key = 0;
                slot.Value = 0;
                Volatile.Write(ref slot.Sequence, sequence + 2);
                return;
            }
        }
    }

    // Number of the granule plus one; 0 is nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong KeyOf(ulong iova) => (iova >> pageShift) + 1;

    // Rings and buffers begin at round addresses: the product's top bits keep those apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Slot SlotOf(ulong key) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), (nint)((key * 0x9e37_79b9_7f4a_7c15) >> (64 - SlotBits)));

    private struct Slot
    {
        public long Sequence;

        /// <summary>Number of the granule plus one; 0: nothing is cached.</summary>
        public ulong Key;

        /// <summary>The descriptor, with log2 of its size in the bits it leaves free.</summary>
        public ulong Value;

        /// <summary>The granule that was last looked for here in vain. Only a hint, so written by anybody.</summary>
        public ulong MissedLast;
    }
}
