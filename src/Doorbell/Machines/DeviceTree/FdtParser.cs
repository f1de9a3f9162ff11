using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Machines.DeviceTree;

/// <summary>Reads a flattened device tree's structure block into nodes (Devicetree Specification 0.4, chapter 5). Every step is bounded by the block.</summary>
internal ref struct FdtParser
{
    /// <summary>Nodes in nodes; the deepest of Linux's own trees have a third of it.</summary>
    private const int MaxDepth = 32;

    /// <summary>Bytes of a name. The specification has 31, and its readers take more.</summary>
    private const int MaxName = 128;

    private const uint BeginNode = 1;
    private const uint EndNode = 2;
    private const uint Property = 3;
    private const uint Nop = 4;
    private const uint End = 9;

    private readonly ReadOnlyMemory<byte> _structure;
    private readonly ReadOnlySpan<byte> _strings;
    private readonly Dictionary<uint, string> _names = [];
    private int _at;

    private FdtParser(ReadOnlyMemory<byte> structure, ReadOnlySpan<byte> strings)
    {
        _structure = structure;
        _strings = strings;
    }

    /// <summary>Reads the tree; the nodes keep a copy of the structure block.</summary>
    /// <returns>EINVAL with what is wrong and where.</returns>
    public static Result<DtNode> Parse(ReadOnlySpan<byte> blob)
    {
        Result<FdtHeader> header = FdtHeader.Read(blob);
        if (!header.IsOk)
        {
            return header.WithoutValue;
        }

        // Of the structure block alone: QEMU's trees have 8 KiB of it in a megabyte.
        var parser = new FdtParser(blob[header.Value.Structure].ToArray(), blob[header.Value.Strings]);
        return parser.ReadTree();
    }

    private Result<DtNode> ReadTree()
    {
        DtNode? root = null;
        DtNode? node = null;
        int depth = 0;
        while (true)
        {
            if (!TryReadWord(out uint token))
            {
                return Fail("the structure block ends in the middle of the tree: expected FDT_END");
            }

            Result read = Result.Ok;
            switch (token)
            {
                case Nop:
                    break;
                case BeginNode when root is not null && node is null:
                    return Fail("a second root node begins: expected one");
                case BeginNode when depth == MaxDepth:
                    return Fail($"{node!.Path} holds nodes {MaxDepth} deep: expected no more");
                case BeginNode:
                    Result<DtNode> begun = ReadNode(node);
                    if (!begun.IsOk)
                    {
                        return begun;
                    }

                    node = begun.Value;
                    root ??= node;
                    depth++;
                    break;
                case Property when node is not null:
                    read = ReadProperty(node);
                    break;
                case EndNode when node is not null:
                    node = node.Parent;
                    depth--;
                    break;
                case End when root is not null && node is null:
                    return _at == _structure.Length ? root : Fail("something follows FDT_END: expected the structure block's end");
                default:
                    return Fail($"token 0x{token:x} stands {(node is null ? "outside of the root node" : $"in {node.Path}")}: expected FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP, FDT_NOP or, at the end, FDT_END");
            }

            if (!read.IsOk)
            {
                return read;
            }
        }
    }

    private Result<DtNode> ReadNode(DtNode? parent)
    {
        ReadOnlySpan<byte> rest = _structure.Span[_at..];
        int length = rest[..Math.Min(rest.Length, MaxName + 1)].IndexOf((byte)0);
        if (length < 0)
        {
            return Fail($"a node in {parent?.Path ?? "the tree"} has a name without an end: expected {MaxName} bytes at most and a NUL");
        }

        string name = Encoding.Latin1.GetString(rest[..length]);
        if (parent is null ? length != 0 : !IsName(rest[..length], forNode: true))
        {
            return Fail(parent is null ? "the root node has a name: expected none" : $"a node in {parent.Path} is called \"{Printable(name)}\": expected letters, digits and ,._+-@");
        }

        _at += Aligned(length + 1, rest.Length);
        var node = new DtNode(name, parent);
        return parent is null || parent.TryAdd(node) ? node : Fail($"{parent.Path} holds two nodes called \"{name}\": expected one");
    }

    private Result ReadProperty(DtNode node)
    {
        if (!TryReadWord(out uint length) || !TryReadWord(out uint nameOffset) || length > _structure.Length - _at)
        {
            return Fail($"a property of {node.Path} does not end in the structure block: expected it whole");
        }

        if (!TryGetName(nameOffset, out string name))
        {
            return Fail($"a property of {node.Path} has its name at 0x{nameOffset:x} of the strings block: expected {MaxName} letters, digits and ,._+?#- at most, and a NUL");
        }

        if (node.Children.Count > 0)
        {
            return Fail($"{node.Path}: {name}: the property follows a node: expected a node's properties before its nodes");
        }

        var property = new DtProperty(name, _structure.Slice(_at, (int)length));
        _at += Aligned((int)length, _structure.Length - _at);
        return node.TryAdd(property) ? Result.Ok : Fail($"{node.Path}: {name}: the property is there twice: expected it once");
    }

    // Names are few and used often, and a hostile block could have each name begin one byte further into one long string.
    private readonly bool TryGetName(uint offset, out string name)
    {
        if (_names.TryGetValue(offset, out name!))
        {
            return true;
        }

        if (offset >= _strings.Length)
        {
            name = "";
            return false;
        }

        ReadOnlySpan<byte> rest = _strings[(int)offset..];
        int length = rest[..Math.Min(rest.Length, MaxName + 1)].IndexOf((byte)0);
        if (length <= 0 || !IsName(rest[..length], forNode: false))
        {
            name = "";
            return false;
        }

        name = Encoding.Latin1.GetString(rest[..length]);
        _names.Add(offset, name);
        return true;
    }

    // Devicetree Specification 0.4, tables 2.1 and 2.2; trees in use have underscores, and slashes nowhere.
    private static bool IsName(ReadOnlySpan<byte> name, bool forNode)
    {
        foreach (byte c in name)
        {
            bool isPlain = char.IsAsciiLetterOrDigit((char)c) || (char)c is ',' or '.' or '_' or '+' or '-';
            if (!isPlain && (forNode ? c != '@' : (char)c is not ('?' or '#' or '~')))
            {
                return false;
            }
        }

        return name.Length > 0;
    }

    private static string Printable(string name) => string.Concat(name.Select(c => c is >= ' ' and <= '~' ? c : '?'));

    private bool TryReadWord(out uint word)
    {
        ReadOnlySpan<byte> rest = _structure.Span[_at..];
        word = rest.Length < 4 ? 0 : BinaryPrimitives.ReadUInt32BigEndian(rest);
        _at += rest.Length < 4 ? 0 : 4;
        return rest.Length >= 4;
    }

    private static int Aligned(int length, int limit) => (int)Math.Min((length + 3L) & ~3L, limit);

    private static Result Fail(string what) => Result.Fail(Errno.EINVAL, what);
}
