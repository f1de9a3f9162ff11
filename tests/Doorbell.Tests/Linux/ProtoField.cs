using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Tests.Linux;

/// <summary>A field of a protocol buffers message, read by the encoding's definition alone (protobuf.dev, "Encoding"): number, and varint, fixed or bytes.</summary>
internal readonly record struct ProtoField(int Number, ulong Value, byte[] Bytes)
{
    public string Text => Encoding.UTF8.GetString(Bytes);

    public static List<ProtoField> Read(ReadOnlySpan<byte> message)
    {
        List<ProtoField> fields = [];
        while (!message.IsEmpty)
        {
            ulong tag = Varint(ref message);
            int number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(new ProtoField(number, Varint(ref message), []));
                    break;
                case 1:
                    fields.Add(new ProtoField(number, BinaryPrimitives.ReadUInt64LittleEndian(message), []));
                    message = message[8..];
                    break;
                case 2:
                    int length = checked((int)Varint(ref message));
                    fields.Add(new ProtoField(number, 0, message[..length].ToArray()));
                    message = message[length..];
                    break;
                default:
                    throw new FormatException($"wire type {tag & 7} of field {number}");
            }
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; ; i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }
    }
}
