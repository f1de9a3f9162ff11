using System.Runtime.CompilerServices;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>
/// An INTID's place in <see cref="IntidTable"/>: the interrupt that holds it and, while that can be delivered as it stands
/// (translated, enabled, requested), who may raise it, its handler and its vector: 32 bytes, half a cache line a delivery.
/// </summary>
/// <remarks>
/// The interrupt's own state is the truth; what is here follows each change of it before that change returns. Source, handler
/// and vector are read between two looks at a count, so that a delivery in flight while the INTID changes hands takes all of
/// one owner or goes the long way (N4). One writer at a time.
/// </remarks>
internal struct IntidEntry
{
    private ulong _source;
    private IInterruptHandler? _handler;
    private IrqDescriptor? _irq;
    private int _vector;
    private uint _changes;

    public readonly ulong Source => _source;

    public IrqDescriptor? ReadIrq() => Volatile.Read(ref _irq);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public IInterruptHandler? ReadHandler(ulong source, out int vector)
    {
        uint changes = Volatile.Read(ref _changes);
        ulong found = Volatile.Read(ref _source);
        IInterruptHandler? handler = Volatile.Read(ref _handler);
        vector = Volatile.Read(ref _vector);
        return found == source && (changes & 1) == 0 && changes == Volatile.Read(ref _changes) ? handler : null;
    }

    public void Write(IrqDescriptor? irq)
    {
        Volatile.Write(ref _irq, irq);
        Refresh();
    }

    public void Connect(ulong source) => Publish(source);

    public void Refresh() => Publish(_source);

    // The count is odd while the rest changes.
    private void Publish(ulong source)
    {
        Interlocked.Increment(ref _changes);
        Volatile.Write(ref _source, source);
        Volatile.Write(ref _vector, _irq?.Vector ?? 0);
        Volatile.Write(ref _handler, source != IntidSource.None && _irq is { IsDeliverable: true } irq ? irq.Handler : null);
        Interlocked.Increment(ref _changes);
    }
}
