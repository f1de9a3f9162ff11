using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Machines.DeviceTree;

/// <summary>A property of a node: a name and bytes, which are cells or strings by what the name means.</summary>
/// <param name="name">Its name.</param>
/// <param name="value">Its bytes.</param>
internal sealed class DtProperty(string name, ReadOnlyMemory<byte> value)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Its bytes.</summary>
    public ReadOnlySpan<byte> Value => value.Span;

    /// <summary>Whole cells in it.</summary>
    public int CellCount => value.Length / 4;

    /// <summary>True where it is made of whole cells.</summary>
    public bool IsCells => value.Length % 4 == 0;

    /// <summary>A cell; there must be one.</summary>
    public uint Cell(int index) => BinaryPrimitives.ReadUInt32BigEndian(value.Span[(index * 4)..]);

    /// <summary>One cell or two from there on as one number.</summary>
    public ulong Number(int index, int cells) => cells == 2 ? ((ulong)Cell(index) << 32) | Cell(index + 1) : cells == 1 ? Cell(index) : 0;

    /// <summary>Its strings; false where it is no list of strings that each end with a NUL, of printable characters.</summary>
    public bool TryGetStrings(out IReadOnlyList<string> strings)
    {
        ReadOnlySpan<byte> bytes = value.Span;
        strings = [];
        if (bytes.IsEmpty || bytes[^1] != 0 || bytes.ContainsAnyExceptInRange((byte)0, (byte)'~'))
        {
            return false;
        }

        var list = new List<string>();
        foreach (System.Range part in bytes[..^1].Split((byte)0))
        {
            ReadOnlySpan<byte> text = bytes[..^1][part];
            if (text.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            {
                return false;
            }

            list.Add(Encoding.ASCII.GetString(text));
        }

        strings = list;
        return true;
    }
}
