using System.Runtime.CompilerServices;

namespace Doorbell.Vfio;

/// <summary>A node of an <see cref="IovaMap"/>: up to 32 keys in order, and for each the slot that begins there (a leaf) or the node that holds what begins from there on.</summary>
internal sealed class IovaMapNode(bool isLeaf)
{
    public const int Capacity = 32;

    private KeyArray _keys;

    // Of each slot its last byte, beside the keys: looking for a place need not touch the slots around it.
    private KeyArray _lasts;
    private ItemArray _items;
    private IovaMapNode? _previous;

    public bool IsLeaf { get; } = isLeaf;

    public int Count { get; private set; }

    /// <summary>The neighbour on the same level, in order of keys.</summary>
    public IovaMapNode? Next { get; private set; }

    public ulong FirstKey => _keys[0];

    private Span<ulong> Lasts => _lasts;

    private Span<ulong> Keys => _keys;

    private Span<object?> Items => _items;

    public ulong KeyAt(int index) => _keys[index];

    public ulong LastAt(int index) => _lasts[index];

    public IovaSlot SlotAt(int index) => Unsafe.As<IovaSlot>(_items[index]!);

    public IovaMapNode ChildAt(int index) => Unsafe.As<IovaMapNode>(_items[index]!);

    public void SetKey(int index, ulong key) => _keys[index] = key;

    /// <summary>The last index whose key is not above; -1 where all are.</summary>
    public int LastAtOrBefore(ulong key)
    {
        int index = Keys[..Count].BinarySearch(key);
        return index >= 0 ? index : ~index - 1;
    }

    public void Insert(int index, ulong key, object item)
    {
        Keys[index..Count].CopyTo(Keys[(index + 1)..]);
        Items[index..Count].CopyTo(Items[(index + 1)..]);
        if (IsLeaf)
        {
            Lasts[index..Count].CopyTo(Lasts[(index + 1)..]);
            _lasts[index] = Unsafe.As<IovaSlot>(item).Last.Value;
        }

        _keys[index] = key;
        _items[index] = item;
        Count++;
    }

    public void RemoveAt(int index)
    {
        Keys[(index + 1)..Count].CopyTo(Keys[index..]);
        Items[(index + 1)..Count].CopyTo(Items[index..]);
        Lasts[(index + 1)..Count].CopyTo(Lasts[index..]);
        Count--;
        _items[Count] = null;
    }

    /// <summary>Moves the upper half into a new node behind this one.</summary>
    public IovaMapNode Split()
    {
        const int half = Capacity / 2;
        IovaMapNode right = new(IsLeaf) { Count = half, Next = Next, _previous = this };
        Keys[half..].CopyTo(right.Keys);
        Lasts[half..].CopyTo(right.Lasts);
        Items[half..].CopyTo(right.Items);
        Items[half..].Clear();
        Count = half;
        if (Next is { } next)
        {
            next._previous = right;
        }

        Next = right;
        return right;
    }

    /// <summary>Takes the empty node out from between its neighbours.</summary>
    public void Unlink()
    {
        if (_previous is { } previous)
        {
            previous.Next = Next;
        }

        if (Next is { } next)
        {
            next._previous = _previous;
        }
    }

    [InlineArray(Capacity)]
    private struct KeyArray
    {
        private ulong _first;
    }

    [InlineArray(Capacity)]
    private struct ItemArray
    {
        private object? _first;
    }
}
