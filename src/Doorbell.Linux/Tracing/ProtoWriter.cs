using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Linux.Tracing;

/// <summary>Fields of a protocol buffers message, in its wire format (protobuf.dev, "Encoding"). A message within is written to a writer of its own first.</summary>
internal sealed class ProtoWriter
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;

    private readonly ArrayBufferWriter<byte> _bytes = new(256);

    /// <summary>What has been written.</summary>
    internal ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>Begins anew.</summary>
    internal void Clear() => _bytes.ResetWrittenCount();

    /// <summary>An integer, an enum, a bool.</summary>
    internal ProtoWriter Number(int field, ulong value)
    {
        Write(((ulong)field << 3) | Varint);
        Write(value);
        return this;
    }

    /// <summary>A fixed64.</summary>
    internal ProtoWriter Fixed(int field, ulong value)
    {
        Write(((ulong)field << 3) | Fixed64);
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(sizeof(ulong)), value);
        _bytes.Advance(sizeof(ulong));
        return this;
    }

    /// <summary>A string.</summary>
    internal ProtoWriter Text(int field, string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        Begin(field, length);
        Encoding.UTF8.GetBytes(value, _bytes.GetSpan(length));
        _bytes.Advance(length);
        return this;
    }

    /// <summary>A message.</summary>
    internal ProtoWriter Message(int field, ProtoWriter message)
    {
        Begin(field, message.Written.Length);
        _bytes.Write(message.Written);
        return this;
    }

    /// <summary>Fields that were written elsewhere.</summary>
    internal ProtoWriter Append(ProtoWriter fields)
    {
        _bytes.Write(fields.Written);
        return this;
    }

    private void Begin(int field, int length)
    {
        Write(((ulong)field << 3) | Delimited);
        Write((ulong)length);
    }

    private void Write(ulong value)
    {
        Span<byte> varint = _bytes.GetSpan(10);
        int length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            varint[length++] = (byte)(value | 0x80);
        }

        varint[length++] = (byte)value;
        _bytes.Advance(length);
    }
}
