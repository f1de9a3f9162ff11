using System.Runtime.CompilerServices;

namespace Doorbell.Iommu;

/// <summary>
/// A search tree by number, 64 ways a node, as tall as its largest key needs: a lookup takes at most eleven steps and in practice
/// six, however many entries there are. Nodes stay when their entries go: a doorbell that was bound once is bound again. Not thread-safe.
/// </summary>
internal sealed class RadixTree<T>
    where T : class
{
    private const int Bits = 6;
    private const int Fanout = 1 << Bits;

    private Node _root = new();
    private int _height = 1;

    /// <summary>The key's entry; a null reference (not an entry that is null) where there has never been one.</summary>
    public ref T? Find(ulong key)
    {
        if (key > LastKey(_height))
        {
            return ref Unsafe.NullRef<T?>();
        }

        Node node = _root;
        for (int shift = (_height - 1) * Bits; shift > 0; shift -= Bits)
        {
            object? next = node.Slots[(int)(key >> shift) & (Fanout - 1)];
            if (next is null)
            {
                return ref Unsafe.NullRef<T?>();
            }

            node = Unsafe.As<Node>(next);
        }

        return ref Unsafe.As<object?, T?>(ref node.Slots[(int)key & (Fanout - 1)]);
    }

    /// <summary>The key's entry, null while it has not been set.</summary>
    public ref T? FindOrAdd(ulong key)
    {
        while (key > LastKey(_height))
        {
            Node above = new();
            above.Slots[0] = _root;
            _root = above;
            _height++;
        }

        Node node = _root;
        for (int shift = (_height - 1) * Bits; shift > 0; shift -= Bits)
        {
            ref object? slot = ref node.Slots[(int)(key >> shift) & (Fanout - 1)];
            node = Unsafe.As<Node>(slot ??= new Node());
        }

        return ref Unsafe.As<object?, T?>(ref node.Slots[(int)key & (Fanout - 1)]);
    }

    private static ulong LastKey(int height) => height * Bits >= 64 ? ulong.MaxValue : (1UL << (height * Bits)) - 1;

    private sealed class Node
    {
        public SlotArray Slots;
    }

    [InlineArray(Fanout)]
    private struct SlotArray
    {
        private object? _first;
    }
}
