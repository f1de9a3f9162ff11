using System.Numerics;

namespace Doorbell.Gic;

/// <summary>Ids from a range in blocks of a power of two, each aligned to its size by the id's own value: a device replaces the low bits of its payload (PCIe base 7.7.1), so alignment within the range would not do.</summary>
internal sealed class AlignedIdAllocator(uint first, uint count)
{
    private readonly ulong[] _used = new ulong[(count + 63) / 64];

    public uint InUse { get; private set; }

    /// <summary>The size of the block that <paramref name="wanted"/> ids occupy.</summary>
    public static uint BlockSize(int wanted) => BitOperations.RoundUpToPowerOf2((uint)wanted);

    /// <summary>The lowest free block for <paramref name="wanted"/> ids; false when there is none.</summary>
    public bool TryAllocate(int wanted, out uint id)
    {
        uint size = BlockSize(wanted);
        ulong limit = (ulong)first + count;
        for (ulong start = ((ulong)first + size - 1) & ~((ulong)size - 1); start + size <= limit; start += size)
        {
            if (IsFree((uint)start, size))
            {
                id = (uint)start;
                Interleaving.Point("has found ids");
                Mark(id, size, true);
                return true;
            }
        }

        id = 0;
        return false;
    }

    /// <summary>Gives back what one <see cref="TryAllocate"/> of as many gave.</summary>
    public void Free(uint id, int wanted) => Mark(id, BlockSize(wanted), false);

    private bool IsFree(uint start, uint size)
    {
        for (uint i = start - first; i < start - first + size; i++)
        {
            if ((_used[i / 64] & (1ul << (int)(i % 64))) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private void Mark(uint start, uint size, bool used)
    {
        for (uint i = start - first; i < start - first + size; i++)
        {
            ulong bit = 1ul << (int)(i % 64);
            if (((_used[i / 64] & bit) != 0) == used)
            {
                throw new InvalidOperationException($"id {i + first} is {(used ? "allocated" : "freed")} twice");
            }

            _used[i / 64] ^= bit;
        }

        InUse = used ? InUse + size : InUse - size;
    }
}
