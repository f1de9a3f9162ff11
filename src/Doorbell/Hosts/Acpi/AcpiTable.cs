using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Hosts.Acpi;

/// <summary>An ACPI table whose header, length and checksum are right (ACPI 6.5, 5.2.6). Its readers ask <see cref="Holds"/> before they read.</summary>
internal sealed class AcpiTable
{
    /// <summary>Bytes of the header every table begins with.</summary>
    public const int HeaderSize = 36;

    private static readonly SearchValues<byte> s_signature = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!_"u8);

    private readonly ReadOnlyMemory<byte> _bytes;

    private AcpiTable(string file, string signature, ReadOnlyMemory<byte> bytes) => (File, Signature, _bytes) = (file, signature, bytes);

    /// <summary>The file it was read from.</summary>
    public string File { get; }

    /// <summary>Four characters: <c>IORT</c>.</summary>
    public string Signature { get; }

    /// <summary>Bytes, the header included.</summary>
    public int Length => _bytes.Length;

    /// <summary>The table's own revision, which says which fields it has.</summary>
    public byte Revision => U8(8);

    /// <summary>Who made it: OEM ID and OEM table ID, without padding.</summary>
    public string Oem => $"{Text(10, 6)} {Text(16, 8)}".Trim();

    /// <summary>The signature of what may be an ACPI table; null where the bytes cannot begin one.</summary>
    public static string? SignatureOf(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 4 && !bytes[..4].ContainsAnyExcept(s_signature) ? Encoding.ASCII.GetString(bytes[..4]) : null;

    /// <summary>Checks header, length and checksum. What follows the table's end in the file is not looked at.</summary>
    /// <returns>EINVAL with file, offset and what is wrong there.</returns>
    public static Result<AcpiTable> Read(string file, ReadOnlyMemory<byte> bytes)
    {
        if (SignatureOf(bytes.Span) is not { } signature)
        {
            return Refuse(file, 0, "no signature of an ACPI table stands there");
        }

        if (bytes.Length < HeaderSize)
        {
            return Refuse(file, bytes.Length, $"the file ends, and the header of {signature} has {HeaderSize} bytes");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[4..]);
        if (length < HeaderSize || length > bytes.Length)
        {
            return Refuse(file, 4, $"{signature} says it has {length} bytes: expected {HeaderSize} to the file's {bytes.Length}");
        }

        byte sum = 0;
        foreach (byte value in bytes.Span[..(int)length])
        {
            sum += value;
        }

        return sum == 0
            ? new AcpiTable(file, signature, bytes[..(int)length])
            : Refuse(file, 9, $"the bytes of {signature} add up to 0x{sum:x2} modulo 256: expected 0, its checksum is wrong");
    }

    /// <summary>True where the table has <paramref name="size"/> bytes at <paramref name="offset"/>.</summary>
    public bool Holds(long offset, long size) => offset >= 0 && size >= 0 && offset <= Length - size;

    /// <summary>A byte.</summary>
    public byte U8(int offset) => _bytes.Span[offset];

    /// <summary>Two bytes, little-endian, as all of a table is; not necessarily aligned.</summary>
    public ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.Span[offset..]);

    /// <summary>Four bytes.</summary>
    public uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.Span[offset..]);

    /// <summary>Eight bytes.</summary>
    public ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.Span[offset..]);

    /// <summary>Characters up to a NUL or the size, what cannot be printed as <c>?</c>, without surrounding blanks.</summary>
    public string Text(int offset, int size)
    {
        ReadOnlySpan<byte> raw = _bytes.Span.Slice(offset, size);
        int end = raw.IndexOf((byte)0);
        var text = new StringBuilder(raw.Length);
        foreach (byte value in end < 0 ? raw : raw[..end])
        {
            text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        }

        return text.ToString().Trim();
    }

    /// <summary>Where a row is.</summary>
    public Evidence At(int offset) => new(File, $"offset 0x{offset:x}");

    /// <summary>A sentence about a row that does not make the table useless.</summary>
    public string Note(int offset, string what) => $"{File}, offset 0x{offset:x}: {what}.";

    /// <summary>The table is broken there, and so none of it is used: what else it says cannot be trusted.</summary>
    public Result Refuse(int offset, string what) => Refuse(File, offset, what);

    private static Result Refuse(string file, int offset, string what) =>
        Result.Fail(Errno.EINVAL, $"{file}, offset 0x{offset:x}: {what}; the table is left out.");
}
