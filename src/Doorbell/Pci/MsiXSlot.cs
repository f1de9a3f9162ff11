using System.Runtime.CompilerServices;
using Doorbell.Fabric;

namespace Doorbell.Pci;

/// <summary>A vector's message as the data path reads it: 24 bytes beside each other, no object to follow.</summary>
/// <remarks>Written under the capability's lock. A reader that meets a change half done says so, and looks at the entry's immutable copy.</remarks>
internal struct MsiXSlot
{
    // Messages are 4-aligned; bit 0 of what is kept says "masked".
    private const ulong MaskBit = 1;

    private ulong _address;
    private uint _data;
    private uint _changes;

    /// <summary>The controller's note.</summary>
    public MsiHint Hint;

    /// <summary>The message of a vector that may be sent; false while it is masked or being written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead(out ulong address, out uint data)
    {
        uint changes = Volatile.Read(ref _changes);
        address = Volatile.Read(ref _address);
        data = Volatile.Read(ref _data);
        return (((uint)address | changes) & 1) == 0 && changes == Volatile.Read(ref _changes);
    }

    /// <summary>One writer at a time. The count is odd while the rest changes.</summary>
    public void Write(MsiXEntry entry)
    {
        Interlocked.Increment(ref _changes);
        Volatile.Write(ref _address, entry.Address | (entry.Masked ? MaskBit : 0));
        Volatile.Write(ref _data, entry.Data);
        Hint.Value = 0;
        Interlocked.Increment(ref _changes);
    }
}
