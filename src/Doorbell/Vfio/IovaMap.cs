namespace Doorbell.Vfio;

/// <summary>The IOVAs of a container that are taken: disjoint ranges in a B-tree by first IOVA, so that finding one among a million reads a few lines of memory.</summary>
internal sealed class IovaMap
{
    private IovaMapNode _root = new(isLeaf: true);

    public int Count { get; private set; }

    /// <summary>The first slot that has a byte in [first, last], or null.</summary>
    public IovaSlot? FirstIn(Iova first, Iova last)
    {
        IovaMapNode node = _root;
        while (!node.IsLeaf)
        {
            node = node.ChildAt(Math.Max(node.LastAtOrBefore(first.Value), 0));
        }

        // What begins at or before the range may reach into it; else the next one may begin in it, and it may be in the next leaf.
        int index = node.LastAtOrBefore(first.Value);
        if (index >= 0 && node.LastAt(index) >= first.Value)
        {
            return node.SlotAt(index);
        }

        IovaMapNode? leaf = node;
        if (++index == node.Count)
        {
            leaf = node.Next;
            index = 0;
        }

        return leaf is { Count: > 0 } && leaf.KeyAt(index) <= last.Value ? leaf.SlotAt(index) : null;
    }

    /// <summary>The slot that holds the byte, or null.</summary>
    public IovaSlot? At(Iova iova) => FirstIn(iova, iova);

    /// <summary>Adds a slot that overlaps none.</summary>
    public void Add(IovaSlot mapping)
    {
        if (Insert(_root, mapping) is { } right)
        {
            IovaMapNode root = new(isLeaf: false);
            root.Insert(0, _root.FirstKey, _root);
            root.Insert(1, right.FirstKey, right);
            _root = root;
        }

        Count++;
    }

    /// <summary>Takes a slot out.</summary>
    public void Remove(IovaSlot mapping)
    {
        Delete(_root, mapping.Iova.Value);
        while (_root is { IsLeaf: false, Count: 1 })
        {
            _root = _root.ChildAt(0);
        }

        Count--;
    }

    /// <summary>Every slot in order of IOVA; a copy, so that the caller may change the map.</summary>
    public List<IovaSlot> ToList()
    {
        IovaMapNode node = _root;
        while (!node.IsLeaf)
        {
            node = node.ChildAt(0);
        }

        List<IovaSlot> list = new(Count);
        for (IovaMapNode? leaf = node; leaf is not null; leaf = leaf.Next)
        {
            for (int i = 0; i < leaf.Count; i++)
            {
                list.Add(leaf.SlotAt(i));
            }
        }

        return list;
    }

    // The node's new right neighbour where it had to be split.
    private static IovaMapNode? Insert(IovaMapNode node, IovaSlot slot)
    {
        ulong key = slot.Iova.Value;
        int index = node.LastAtOrBefore(key);
        if (node.IsLeaf)
        {
            return Put(node, index + 1, key, slot);
        }

        index = Math.Max(index, 0);
        IovaMapNode child = node.ChildAt(index);
        IovaMapNode? right = Insert(child, slot);
        node.SetKey(index, child.FirstKey);
        return right is null ? null : Put(node, index + 1, right.FirstKey, right);
    }

    private static IovaMapNode? Put(IovaMapNode node, int index, ulong key, object item)
    {
        if (node.Count < IovaMapNode.Capacity)
        {
            node.Insert(index, key, item);
            return null;
        }

        IovaMapNode right = node.Split();
        if (index <= node.Count)
        {
            node.Insert(index, key, item);
        }
        else
        {
            right.Insert(index - node.Count, key, item);
        }

        return right;
    }

    // A node goes when it is empty and not before: what is mapped and unmapped in turn splits and joins nothing.
    private static void Delete(IovaMapNode node, ulong key)
    {
        int index = node.LastAtOrBefore(key);
        if (!node.IsLeaf)
        {
            IovaMapNode child = node.ChildAt(index);
            Delete(child, key);
            if (child.Count != 0)
            {
                node.SetKey(index, child.FirstKey);
                return;
            }

            child.Unlink();
        }

        node.RemoveAt(index);
    }
}
