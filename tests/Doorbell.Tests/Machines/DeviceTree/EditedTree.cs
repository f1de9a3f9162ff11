using System.Buffers.Binary;
using System.Text;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>A board's device tree taken apart, to be put together again with one thing different.</summary>
internal sealed class EditedTree
{
    private readonly Node _root;

    private EditedTree(Node root) => _root = root;

    public static EditedTree Of(string fixture) => new(Copy(FdtParser.Parse(TestTrees.Bytes(fixture)).Value));

    public EditedTree Set(string path, string property, params uint[] cells)
    {
        byte[] value = new byte[cells.Length * 4];
        for (int i = 0; i < cells.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(value.AsSpan(i * 4), cells[i]);
        }

        Find(path).Properties[property] = value;
        return this;
    }

    public EditedTree SetText(string path, string property, params string[] texts)
    {
        Find(path).Properties[property] = [.. texts.SelectMany(text => Encoding.ASCII.GetBytes(text + "\0"))];
        return this;
    }

    public EditedTree Remove(string path, string property)
    {
        Assert.True(Find(path).Properties.Remove(property));
        return this;
    }

    public EditedTree Add(string path, string name)
    {
        Find(path).Children.Add(new Node(name));
        return this;
    }

    public EditedTree RemoveNode(string path)
    {
        Node parent = Find(path[..Math.Max(1, path.LastIndexOf('/'))]);
        Assert.Equal(1, parent.Children.RemoveAll(child => child.Name == path[(path.LastIndexOf('/') + 1)..]));
        return this;
    }

    public byte[] ToBytes()
    {
        var structure = new MemoryStream();
        var strings = new MemoryStream();
        Write(structure, strings, _root);
        Word(structure, 9);
        var blob = new MemoryStream();
        int start = 56, total = start + (int)(structure.Length + strings.Length);
        foreach (int word in (int[])[unchecked((int)0xd00d_feed), total, start, start + (int)structure.Length, 40, 17, 16, 0, (int)strings.Length, (int)structure.Length, 0, 0, 0, 0])
        {
            Word(blob, (uint)word);
        }

        structure.WriteTo(blob);
        strings.WriteTo(blob);
        return blob.ToArray();
    }

    private static void Write(MemoryStream structure, MemoryStream strings, Node node)
    {
        Word(structure, 1);
        structure.Write(Encoding.ASCII.GetBytes(node.Name + "\0"));
        Align(structure);
        foreach ((string name, byte[] value) in node.Properties)
        {
            Word(structure, 3);
            Word(structure, (uint)value.Length);
            Word(structure, (uint)strings.Length);
            strings.Write(Encoding.ASCII.GetBytes(name + "\0"));
            structure.Write(value);
            Align(structure);
        }

        foreach (Node child in node.Children)
        {
            Write(structure, strings, child);
        }

        Word(structure, 2);
    }

    private static void Word(MemoryStream stream, uint word)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, word);
        stream.Write(bytes);
    }

    private static void Align(MemoryStream stream)
    {
        while (stream.Length % 4 != 0)
        {
            stream.WriteByte(0);
        }
    }

    private Node Find(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(_root, (node, name) => node.Children.Single(child => child.Name == name));

    private static Node Copy(DtNode node)
    {
        var copy = new Node(node.Name);
        foreach (DtProperty property in node.Properties)
        {
            copy.Properties.Add(property.Name, property.Value.ToArray());
        }

        copy.Children.AddRange(node.Children.Select(Copy));
        return copy;
    }

    private sealed class Node(string name)
    {
        public string Name { get; } = name;

        public Dictionary<string, byte[]> Properties { get; } = [];

        public List<Node> Children { get; } = [];
    }
}
