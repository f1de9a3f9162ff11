namespace Doorbell.Vfio;

/// <summary>The IOVAs of a container that are taken: disjoint ranges in a balanced (AVL) tree.</summary>
internal sealed class IovaMap
{
    private Node? _root;

    public int Count { get; private set; }

    /// <summary>The first slot that has a byte in [first, last], or null.</summary>
    public IovaSlot? FirstIn(Iova first, Iova last)
    {
        IovaSlot? found = null;
        for (Node? node = _root; node is not null;)
        {
            if (node.Value.Last < first)
            {
                node = node.Right;
            }
            else
            {
                found = node.Value;
                node = node.Left;
            }
        }

        return found is not null && found.Iova <= last ? found : null;
    }

    /// <summary>The slot that holds the byte, or null.</summary>
    public IovaSlot? At(Iova iova) => FirstIn(iova, iova);

    /// <summary>Adds a slot that overlaps none.</summary>
    public void Add(IovaSlot mapping)
    {
        _root = Insert(_root, mapping);
        Count++;
    }

    /// <summary>Takes a slot out.</summary>
    public void Remove(IovaSlot mapping)
    {
        _root = Delete(_root, mapping.Iova);
        Count--;
    }

    /// <summary>Every slot in order of IOVA; a copy, so that the caller may change the map.</summary>
    public List<IovaSlot> ToList()
    {
        List<IovaSlot> list = new(Count);
        Visit(_root, list);
        return list;
    }

    private static void Visit(Node? node, List<IovaSlot> list)
    {
        if (node is not null)
        {
            Visit(node.Left, list);
            list.Add(node.Value);
            Visit(node.Right, list);
        }
    }

    private static Node Insert(Node? node, IovaSlot value)
    {
        if (node is null)
        {
            return new Node(value);
        }

        if (value.Iova < node.Value.Iova)
        {
            node.Left = Insert(node.Left, value);
        }
        else
        {
            node.Right = Insert(node.Right, value);
        }

        return Balance(node);
    }

    private static Node? Delete(Node? node, Iova iova)
    {
        if (node is null)
        {
            return null;
        }

        if (iova < node.Value.Iova)
        {
            node.Left = Delete(node.Left, iova);
        }
        else if (iova > node.Value.Iova)
        {
            node.Right = Delete(node.Right, iova);
        }
        else if (node.Left is null)
        {
            return node.Right;
        }
        else if (node.Right is null)
        {
            return node.Left;
        }
        else
        {
            Node next = node.Right;
            while (next.Left is not null)
            {
                next = next.Left;
            }

            node.Value = next.Value;
            node.Right = Delete(node.Right, next.Value.Iova);
        }

        return Balance(node);
    }

    private static Node Balance(Node node)
    {
        node.Update();
        int lean = Node.HeightOf(node.Left) - Node.HeightOf(node.Right);
        if (lean > 1)
        {
            if (Node.HeightOf(node.Left!.Left) < Node.HeightOf(node.Left.Right))
            {
                node.Left = RotateLeft(node.Left);
            }

            return RotateRight(node);
        }

        if (lean < -1)
        {
            if (Node.HeightOf(node.Right!.Right) < Node.HeightOf(node.Right.Left))
            {
                node.Right = RotateRight(node.Right);
            }

            return RotateLeft(node);
        }

        return node;
    }

    private static Node RotateRight(Node node)
    {
        Node top = node.Left!;
        node.Left = top.Right;
        top.Right = node;
        node.Update();
        top.Update();
        return top;
    }

    private static Node RotateLeft(Node node)
    {
        Node top = node.Right!;
        node.Right = top.Left;
        top.Left = node;
        node.Update();
        top.Update();
        return top;
    }

    private sealed class Node(IovaSlot value)
    {
        private int _height = 1;

        public IovaSlot Value { get; set; } = value;

        public Node? Left { get; set; }

        public Node? Right { get; set; }

        public static int HeightOf(Node? node) => node?._height ?? 0;

        public void Update() => _height = 1 + Math.Max(HeightOf(Left), HeightOf(Right));
    }
}
