using System.Buffers.Binary;
using Doorbell.Fabric;

namespace Doorbell.Gic;

/// <summary>The memory software gives a GIC for its tables and queues: pages that exist only once they are written.</summary>
/// <remarks>An address nobody was given is not there: reading it is what a bus error is to hardware.</remarks>
public sealed class GicMemory : IHostMemory
{
    private const int PageBits = 12;
    private const ulong PageMask = (1UL << PageBits) - 1;

    private readonly EngineLock _lock;
    private readonly Dictionary<ulong, byte[]> _pages = [];
    private readonly Dictionary<ulong, Stack<ulong>> _free = [];
    private readonly ulong _first;
    private ulong _end;

    /// <summary>Empty memory.</summary>
    /// <param name="start">First physical address it hands out; 64 KiB aligned.</param>
    /// <param name="users">The lock of those who use it.</param>
    internal GicMemory(PhysicalAddress start, EngineLock users)
    {
        _first = _end = start.Value;
        _lock = users;
    }

    /// <summary>A zeroed block, aligned to its size (a power of two, at least 256 bytes).</summary>
    public PhysicalAddress Allocate(ulong size)
    {
        size = System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(size, 256));
        using EngineLock.Scope held = _lock.Enter();
        if (_free.TryGetValue(size, out Stack<ulong>? blocks) && blocks.TryPop(out ulong block))
        {
            return new PhysicalAddress(block);
        }

        ulong start = (_end + (size - 1)) & ~(size - 1);
        _end = start + size;
        return new PhysicalAddress(start);
    }

    /// <summary>Gives back what one <see cref="Allocate"/> of the same size gave.</summary>
    public void Free(PhysicalAddress block, ulong size)
    {
        size = System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(size, 256));
        using EngineLock.Scope held = _lock.Enter();
        for (ulong at = block.Value; at < block.Value + size; at += Math.Min(size, PageMask + 1))
        {
            if (_pages.TryGetValue(at >> PageBits, out byte[]? page))
            {
                page.AsSpan((int)(at & PageMask), (int)Math.Min(size, PageMask + 1)).Clear();
            }
        }

        if (!_free.TryGetValue(size, out Stack<ulong>? blocks))
        {
            _free.Add(size, blocks = new Stack<ulong>());
        }

        blocks.Push(block.Value);
    }

    /// <summary>A 64-bit word; false where there is no memory.</summary>
    public bool TryRead64(PhysicalAddress address, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        bool read = TryRead(address.Value, bytes);
        value = read ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        return read;
    }

    /// <summary>Writes a 64-bit word.</summary>
    public bool TryWrite64(PhysicalAddress address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return TryWrite(address.Value, bytes);
    }

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        using EngineLock.Scope held = _lock.Enter();
        if (!Has(address, destination.Length))
        {
            return false;
        }

        while (!destination.IsEmpty)
        {
            int within = (int)(address & PageMask);
            int count = Math.Min(destination.Length, (int)PageMask + 1 - within);
            if (_pages.TryGetValue(address >> PageBits, out byte[]? page))
            {
                page.AsSpan(within, count).CopyTo(destination);
            }
            else
            {
                destination[..count].Clear();
            }

            destination = destination[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        using EngineLock.Scope held = _lock.Enter();
        if (!Has(address, source.Length))
        {
            return false;
        }

        while (!source.IsEmpty)
        {
            int within = (int)(address & PageMask);
            int count = Math.Min(source.Length, (int)PageMask + 1 - within);
            if (!_pages.TryGetValue(address >> PageBits, out byte[]? page))
            {
                _pages.Add(address >> PageBits, page = new byte[PageMask + 1]);
            }

            source[..count].CopyTo(page.AsSpan(within));
            source = source[count..];
            address += (ulong)count;
        }

        return true;
    }

    private bool Has(ulong address, int length) => address >= _first && address < _end && (ulong)length <= _end - address;
}
