using System.Runtime.CompilerServices;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>The way from an INTID to its interrupt, and what a delivery needs of it in one place. Readers take no lock.</summary>
/// <remarks>Two levels, so that 2^24 INTIDs cost memory only where they are used; a lookup is two loads at any size, and the entries of a device's LPIs lie side by side.</remarks>
internal sealed class IntidTable
{
    private const int ChunkBits = 10;
    private const uint ChunkMask = (1u << ChunkBits) - 1;

    private readonly EngineLock _writers;
    private readonly IntidEntry[]?[] _chunks;

    /// <param name="limit">First INTID that does not exist.</param>
    /// <param name="writers">The hierarchy's lock.</param>
    public IntidTable(uint limit, EngineLock writers)
    {
        _writers = writers;
        Limit = limit;
        _chunks = new IntidEntry[]?[(limit + ChunkMask) >> ChunkBits];
    }

    public uint Limit { get; }

    public IrqDescriptor? Find(uint intid)
    {
        IntidEntry[]? chunk = ChunkOf(intid);
        return chunk is null ? null : chunk[intid & ChunkMask].ReadIrq();
    }

    /// <summary>Runs the handler of an interrupt that can be delivered as it stands; false where it cannot, or where the INTID is not what this source raises.</summary>
    /// <param name="intid">Any number: a guess is checked by the source.</param>
    /// <param name="source">Who may raise it (<see cref="IntidSource"/>).</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryDeliver(uint intid, ulong source)
    {
        IntidEntry[]? chunk = ChunkOf(intid);
        if (chunk is null || chunk[intid & ChunkMask].ReadHandler(source, out int vector) is not { } handler)
        {
            return false;
        }

        handler.Handle(vector);
        return true;
    }

    /// <summary>Gives an INTID to an interrupt, or (null) to nobody.</summary>
    public void Set(uint intid, IrqDescriptor? irq)
    {
        using EngineLock.Scope held = _writers.Enter();
        Entry(intid).Write(irq);
    }

    /// <summary>Who may raise an INTID without another look: set when a translation to it is complete.</summary>
    public void Connect(uint intid, ulong source)
    {
        using EngineLock.Scope held = _writers.Enter();
        Entry(intid).Connect(source);
    }

    /// <summary>The translation is gone or incomplete. Nothing happens where another source has the INTID now.</summary>
    public void Disconnect(uint intid, ulong source)
    {
        using EngineLock.Scope held = _writers.Enter();
        ref IntidEntry entry = ref Entry(intid);
        if (entry.Source == source)
        {
            entry.Connect(IntidSource.None);
        }
    }

    /// <summary>Handler or enable state of the interrupt have changed.</summary>
    public void Refresh(uint intid, IrqDescriptor irq)
    {
        using EngineLock.Scope held = _writers.Enter();
        ref IntidEntry entry = ref Entry(intid);
        if (entry.ReadIrq() == irq)
        {
            entry.Refresh();
        }
    }

    /// <summary>Every interrupt that holds an INTID, by INTID.</summary>
    public IEnumerable<IrqDescriptor> All()
    {
        foreach (IntidEntry[]? chunk in _chunks)
        {
            for (int i = 0; i < (chunk?.Length ?? 0); i++)
            {
                if (chunk![i].ReadIrq() is { } irq)
                {
                    yield return irq;
                }
            }
        }
    }

    private IntidEntry[]? ChunkOf(uint intid)
    {
        uint index = intid >> ChunkBits;
        IntidEntry[]?[] chunks = _chunks;
        return index < (uint)chunks.Length ? Volatile.Read(ref chunks[index]) : null;
    }

    private ref IntidEntry Entry(uint intid)
    {
        ref IntidEntry[]? chunk = ref _chunks[intid >> ChunkBits];
        if (chunk is null)
        {
            Volatile.Write(ref chunk, new IntidEntry[ChunkMask + 1]);
        }

        return ref chunk![intid & ChunkMask];
    }
}
