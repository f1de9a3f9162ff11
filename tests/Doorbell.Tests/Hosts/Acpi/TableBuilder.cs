using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>Bytes of an ACPI table, put down one field after the other as a specification lists them.</summary>
internal sealed class TableBuilder
{
    private readonly List<byte> _bytes = [];
    private readonly string _signature;

    public TableBuilder(string signature, byte revision = 1)
    {
        _signature = signature;
        Text(signature, 4).U32(0).U8(revision).U8(0).Text("DOORBL", 6).Text("TESTS", 8).U32(1).Text("TEST", 4).U32(1);
    }

    /// <summary>Bytes so far: the offset of what comes next.</summary>
    public int Length => _bytes.Count;

    /// <summary>A table whose length and checksum are made right.</summary>
    public static byte[] Seal(byte[] table)
    {
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(4), table.Length);
        return Sum(table);
    }

    /// <summary>A table whose checksum alone is made right.</summary>
    public static byte[] Sum(byte[] table)
    {
        table[9] = 0;
        table[9] = unchecked((byte)-table.Sum(static value => value));
        return table;
    }

    public (string File, byte[] Bytes) Build() => (_signature, Seal([.. _bytes]));

    public TableBuilder U8(int value) => Add(1, (ulong)value);

    public TableBuilder U16(int value) => Add(2, (ulong)value);

    public TableBuilder U32(ulong value) => Add(4, value);

    public TableBuilder U64(ulong value) => Add(8, value);

    public TableBuilder Zeros(int count) => Add(count, 0);

    public TableBuilder Text(string text, int size)
    {
        byte[] field = new byte[size];
        Encoding.ASCII.GetBytes(text).CopyTo(field, 0);
        _bytes.AddRange(field);
        return this;
    }

    /// <summary>A part whose size stands in it, known once it is there.</summary>
    /// <param name="sizeAt">Where in the part the size is.</param>
    /// <param name="sizeBytes">1 or 2.</param>
    /// <param name="part">Puts it down, zeros where the size goes.</param>
    public TableBuilder Sized(int sizeAt, int sizeBytes, Action<TableBuilder> part)
    {
        int start = Length;
        part(this);
        int size = Length - start;
        _bytes[start + sizeAt] = (byte)size;
        if (sizeBytes == 2)
        {
            _bytes[start + sizeAt + 1] = (byte)(size >> 8);
        }

        return this;
    }

    private TableBuilder Add(int size, ulong value)
    {
        for (int at = 0; at < size; at++)
        {
            _bytes.Add(at < 8 ? (byte)(value >> (8 * at)) : (byte)0);
        }

        return this;
    }
}
