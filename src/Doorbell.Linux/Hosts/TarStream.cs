using System.Globalization;
using System.Text;

namespace Doorbell.Linux.Hosts;

/// <summary>Entry after entry of a tar (POSIX ustar and pax, GNU), in bounded memory whatever the archive claims.</summary>
/// <remarks>System.Formats.Tar takes a header's word for how large an extended header is; a capture comes from a stranger.</remarks>
internal sealed class TarStream(Stream stream)
{
    private const int Block = 512;
    private const int MostExtra = 1 << 16; // a pax header or a long name: a path has 4096 bytes at most

    private readonly byte[] _header = new byte[Block];
    private long _left; // of the entry's content and its padding

    /// <summary>What is wrong with the archive, a clause; null while nothing is.</summary>
    public string? Fault { get; private set; }

    /// <summary>The next entry; false at the end, or where <see cref="Fault"/> says why not.</summary>
    public bool TryNext(out TarEntry entry)
    {
        entry = default;
        string? path = null, link = null;
        long? size = null;
        while (true)
        {
            if (!Skip(_left))
            {
                return Fail("it ends in the middle of a file");
            }

            _left = 0;
            int read = stream.ReadAtLeast(_header, Block, throwOnEndOfStream: false);
            if (read == 0 || (read == Block && !_header.AsSpan().ContainsAnyExcept((byte)0)))
            {
                return false;
            }

            if (read < Block)
            {
                return Fail("it ends in the middle of a header");
            }

            if (!HasChecksum() || !TryNumber(_header.AsSpan(124, 12), out long bytes))
            {
                return Fail("a header's checksum is wrong");
            }

            byte type = _header[156];
            switch (type)
            {
                case (byte)'L' or (byte)'K':
                    if (ReadExtra(bytes) is not { } name)
                    {
                        return false;
                    }

                    string text = Encoding.UTF8.GetString(name).TrimEnd('\0');
                    (path, link) = type == 'L' ? (text, link) : (path, text);
                    continue;
                case (byte)'x':
                    if (ReadExtra(bytes) is not { } records || !TryRecords(records, ref path, ref link, ref size))
                    {
                        return Fault is null && Fail("an extended header is malformed");
                    }

                    continue;
                case (byte)'g':
                    if (ReadExtra(bytes) is null)
                    {
                        return false;
                    }

                    continue;
            }

            bytes = size ?? bytes;
            TarEntryKind kind = type switch
            {
                0 or (byte)'0' or (byte)'7' => TarEntryKind.File,
                (byte)'1' => TarEntryKind.HardLink,
                (byte)'2' => TarEntryKind.SymbolicLink,
                (byte)'5' => TarEntryKind.Directory,
                _ => TarEntryKind.Other,
            };
            if (bytes > long.MaxValue - Block)
            {
                return Fail("a file's size is not one");
            }

            // A link has no content whatever its size says (GNU tar writes the file's).
            bytes = kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink or TarEntryKind.Directory ? 0 : bytes;
            _left = Padded(bytes);
            entry = new TarEntry(kind, path ?? HeaderPath(), link ?? Text(_header.AsSpan(157, 100)), bytes);
            return true;
        }
    }

    /// <summary>The content of the entry that came last; null where the archive ends in it.</summary>
    public byte[]? ReadContent(int bytes)
    {
        byte[] content = new byte[bytes];
        if (stream.ReadAtLeast(content, bytes, throwOnEndOfStream: false) < bytes)
        {
            Fail("it ends in the middle of a file");
            return null;
        }

        _left -= bytes;
        return content;
    }

    private static long Padded(long bytes) => (bytes + Block - 1) / Block * Block;

    private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.IndexOf((byte)0) is >= 0 and int end ? field[..end] : field);

    private string HeaderPath()
    {
        string name = Text(_header.AsSpan(0, 100));
        bool isPosix = _header.AsSpan(257, 6).SequenceEqual("ustar\0"u8);
        return isPosix && Text(_header.AsSpan(345, 155)) is { Length: > 0 } prefix ? $"{prefix}/{name}" : name;
    }

    private bool Fail(string fault)
    {
        Fault ??= fault;
        return false;
    }

    private byte[]? ReadExtra(long bytes)
    {
        if (bytes > MostExtra)
        {
            Fail($"a name or an extended header is larger than {MostExtra} bytes");
            return null;
        }

        byte[]? extra = ReadContent((int)bytes);
        _left = Padded(bytes) - bytes;
        return extra;
    }

    private bool Skip(long bytes)
    {
        byte[] part = new byte[Math.Min(bytes, 1 << 14)];
        while (bytes > 0)
        {
            int read = stream.Read(part, 0, (int)Math.Min(bytes, part.Length));
            if (read == 0)
            {
                return false;
            }

            bytes -= read;
        }

        return true;
    }

    // The header's bytes, its own field taken for spaces.
    private bool HasChecksum()
    {
        long sum = 8 * ' ';
        for (int i = 0; i < Block; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : _header[i];
        }

        return TryNumber(_header.AsSpan(148, 8), out long said) && said == sum;
    }

    // Octal; or, with the top bit set, base 256 (GNU).
    private static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            for (int i = 0; i < field.Length; i++)
            {
                byte digit = i == 0 ? (byte)(field[0] & 0x7f) : field[i];
                if (value >> 55 != 0)
                {
                    return false;
                }

                value = value << 8 | digit;
            }

            return true;
        }

        foreach (byte digit in field.TrimStart((byte)' '))
        {
            if (digit is 0 or (byte)' ')
            {
                break;
            }

            if (digit is < (byte)'0' or > (byte)'7' || value >> 59 != 0)
            {
                return false;
            }

            value = value << 3 | (uint)(digit - '0');
        }

        return true;
    }

    // "27 path=sys/devices/…\n": the length counts all of the record.
    private static bool TryRecords(ReadOnlySpan<byte> records, ref string? path, ref string? link, ref long? size)
    {
        while (!records.IsEmpty)
        {
            int space = records.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int length) || length <= space + 1 || length > records.Length
                || records[length - 1] != '\n')
            {
                return false;
            }

            ReadOnlySpan<byte> record = records[(space + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                return false;
            }

            ReadOnlySpan<byte> key = record[..equals], value = record[(equals + 1)..];
            if (key.SequenceEqual("path"u8))
            {
                path = Encoding.UTF8.GetString(value);
            }
            else if (key.SequenceEqual("linkpath"u8))
            {
                link = Encoding.UTF8.GetString(value);
            }
            else if (key.SequenceEqual("size"u8))
            {
                if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes))
                {
                    return false;
                }

                size = bytes;
            }

            records = records[length..];
        }

        return true;
    }
}
