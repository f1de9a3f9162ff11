using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>The way from an INTID to its interrupt. One writer at a time (the control lock); readers take no lock.</summary>
/// <remarks>Two levels, so that 2^24 INTIDs cost memory only where they are used; a lookup is two loads at any size.</remarks>
internal sealed class IntidTable
{
    private const int ChunkBits = 10;
    private const uint ChunkMask = (1u << ChunkBits) - 1;

    private readonly IrqDescriptor?[]?[] _chunks;

    /// <param name="limit">First INTID that does not exist.</param>
    public IntidTable(uint limit)
    {
        Limit = limit;
        _chunks = new IrqDescriptor?[]?[(limit + ChunkMask) >> ChunkBits];
    }

    public uint Limit { get; }

    public IrqDescriptor? Find(uint intid)
    {
        uint index = intid >> ChunkBits;
        IrqDescriptor?[]?[] chunks = _chunks;
        if (index >= (uint)chunks.Length)
        {
            return null;
        }

        IrqDescriptor?[]? chunk = Volatile.Read(ref chunks[index]);
        return chunk is null ? null : Volatile.Read(ref chunk[intid & ChunkMask]);
    }

    public void Set(uint intid, IrqDescriptor? descriptor)
    {
        ref IrqDescriptor?[]? chunk = ref _chunks[intid >> ChunkBits];
        if (chunk is null)
        {
            Volatile.Write(ref chunk, new IrqDescriptor?[ChunkMask + 1]);
        }

        Volatile.Write(ref chunk![intid & ChunkMask], descriptor);
    }
}
