namespace Doorbell.Iommu;

/// <summary>
/// A search tree by number, 64 ways a node, as tall as its largest key needs: a lookup takes at most eleven steps and in practice
/// six, however many entries there are. Not thread-safe.
/// </summary>
internal sealed class RadixTree<T>
    where T : class
{
    private const int Bits = 6;
    private const int Fanout = 1 << Bits;

    private Node? _root;
    private int _height;

    public T? Find(ulong key)
    {
        if (_root is null || key > LastKey(_height))
        {
            return null;
        }

        Node node = _root;
        for (int shift = (_height - 1) * Bits; shift > 0; shift -= Bits)
        {
            if (node.Slots[(int)(key >> shift) & (Fanout - 1)] is not Node next)
            {
                return null;
            }

            node = next;
        }

        return (T?)node.Slots[(int)key & (Fanout - 1)];
    }

    /// <summary>Adds the entry or replaces it.</summary>
    public void Set(ulong key, T value)
    {
        if (_root is null)
        {
            _root = new Node();
            _height = 1;
        }

        while (key > LastKey(_height))
        {
            Node above = new() { Live = 1 };
            above.Slots[0] = _root;
            _root = above;
            _height++;
        }

        Node node = _root;
        for (int shift = (_height - 1) * Bits; shift > 0; shift -= Bits)
        {
            ref object? slot = ref node.Slots[(int)(key >> shift) & (Fanout - 1)];
            if (slot is null)
            {
                slot = new Node();
                node.Live++;
            }

            node = (Node)slot;
        }

        ref object? leaf = ref node.Slots[(int)key & (Fanout - 1)];
        node.Live += leaf is null ? 1 : 0;
        leaf = value;
    }

    /// <summary>Takes the entry out, and with it the nodes that it leaves empty.</summary>
    public void Remove(ulong key)
    {
        if (_root is not null && key <= LastKey(_height) && Remove(_root, (_height - 1) * Bits, key))
        {
            _root = null;
            _height = 0;
        }
    }

    private static ulong LastKey(int height) => height * Bits >= 64 ? ulong.MaxValue : (1UL << (height * Bits)) - 1;

    private static bool Remove(Node node, int shift, ulong key)
    {
        ref object? slot = ref node.Slots[(int)(key >> shift) & (Fanout - 1)];
        if (slot is not null && (shift == 0 || Remove((Node)slot, shift - Bits, key)))
        {
            slot = null;
            node.Live--;
        }

        return node.Live == 0;
    }

    private sealed class Node
    {
        public readonly object?[] Slots = new object?[Fanout];
        public int Live;
    }
}
