using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Hosts;

/// <summary>Masks a flattened device tree in place: what it says of devices stays where it is (Devicetree Specification 0.4, chapter 5).</summary>
internal static class DeviceTreeMask
{
    private const uint Magic = 0xd00d_feed;
    private const int HeaderSize = 40;

    private const uint BeginNode = 1, EndNode = 2, Property = 3, Nop = 4, End = 9;

    // How names of properties end that are somebody's own; bootargs is masked word by word.
    private static readonly string[] Own = ["-mac", "-seed", "asset-tag", "bd-address", "duid", "ecid", "efi-system-partition", "ethaddr", "mac-address", "macaddr", "serial", "serial-number", "serial64", "serialhigh", "seriallow", "uuid"];

    /// <summary>False where it is no device tree, or one that cannot be walked: nobody knows then what is in it.</summary>
    public static bool Apply(Span<byte> tree)
    {
        if (tree.Length < HeaderSize || Word(tree, 0) != Magic)
        {
            return false;
        }

        uint begin = Word(tree, 8), names = Word(tree, 12);
        if (begin >= tree.Length || names >= tree.Length)
        {
            return false;
        }

        int at = (int)begin;
        while (at + 4 <= tree.Length)
        {
            uint token = Word(tree, at);
            at += 4;
            switch (token)
            {
                case BeginNode:
                    int length = tree[at..].IndexOf((byte)0);
                    if (length < 0)
                    {
                        return false;
                    }

                    at += (length + 4) & ~3;
                    break;
                case EndNode or Nop:
                    break;
                case Property:
                    if (at + 8 > tree.Length || Word(tree, at) > tree.Length - at - 8 || Word(tree, at + 4) >= tree.Length - names)
                    {
                        return false;
                    }

                    int size = (int)Word(tree, at);
                    ReadOnlySpan<byte> name = tree[(int)(names + Word(tree, at + 4))..];
                    Mask(name[..Math.Max(name.IndexOf((byte)0), 0)], tree.Slice(at + 8, size));
                    at += 8 + ((size + 3) & ~3);
                    break;
                case End:
                    return true;
                default:
                    return false;
            }
        }

        return false;
    }

    private static void Mask(ReadOnlySpan<byte> name, Span<byte> value)
    {
        if (name.SequenceEqual("bootargs"u8))
        {
            MaskWords(value);
        }
        else if (IsOwn(Encoding.UTF8.GetString(name)))
        {
            value.Clear();
        }
    }

    private static bool IsOwn(string name) => Array.Exists(Own, ending => name.EndsWith(ending, StringComparison.Ordinal));

    // A word that is not shown becomes as many stars: the property keeps its size.
    private static void MaskWords(Span<byte> text)
    {
        int begin = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] is not (0 or (byte)' ' or (>= (byte)'\t' and <= (byte)'\r')))
            {
                continue;
            }

            if (!HostMask.IsKept(Encoding.UTF8.GetString(text[begin..i])))
            {
                text[begin..i].Fill((byte)'*');
            }

            begin = i + 1;
        }
    }

    private static uint Word(ReadOnlySpan<byte> tree, int offset) => BinaryPrimitives.ReadUInt32BigEndian(tree[offset..]);
}
