using System.Globalization;
using System.Text;

namespace Doorbell.Hosts.Acpi;

/// <summary>
/// The text that ACPICA's <c>acpidump</c> writes: a line <c>APIC @ 0x000000007FFE2A4C</c> a table, then lines of an offset, a colon, up to sixteen bytes and the same
/// as characters.
/// </summary>
internal static class AcpiDumpText
{
    /// <summary>Sixteen bytes as two digits and a blank each: what follows are characters.</summary>
    private const int Columns = 16 * 3;

    /// <summary>The tables of a file, each with a name for evidence: a binary file is its own only one.</summary>
    public static IEnumerable<(string Name, ReadOnlyMemory<byte> Table)> Split(string file, ReadOnlyMemory<byte> bytes)
    {
        if (!IsDump(bytes.Span))
        {
            return [(file, bytes)];
        }

        List<(string, ReadOnlyMemory<byte>)> tables = [];
        string? signature = null;
        List<byte> content = [];
        foreach (string line in Encoding.Latin1.GetString(bytes.Span).Split('\n'))
        {
            if (IsHeading(line))
            {
                Finish();
                signature = line[..4];
            }
            else if (signature is not null && !TryAppend(line, content))
            {
                Finish();
            }
        }

        Finish();
        return tables;

        void Finish()
        {
            if (signature is not null)
            {
                tables.Add(($"{file} ({signature})", content.ToArray()));
            }

            signature = null;
            content.Clear();
        }
    }

    private static bool IsDump(ReadOnlySpan<byte> bytes) =>
        bytes.TrimStart(" \r\n\t"u8) is { Length: > 8 } text && AcpiTable.SignatureOf(text) is not null && text[4..].StartsWith(" @ 0x"u8);

    private static bool IsHeading(string line) => line.Length > 8 && string.CompareOrdinal(line, 4, " @ 0x", 0, 5) == 0;

    // A line that is none of a table's ends it, as the blank line between two does; a gap in the offsets does too, and then the table's length is wrong.
    private static bool TryAppend(string line, List<byte> content)
    {
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !uint.TryParse(line.AsSpan(0, colon).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint offset)
            || offset != (uint)content.Count)
        {
            return false;
        }

        ReadOnlySpan<char> rest = line.AsSpan(colon + 1);
        rest = rest.StartsWith(" ") ? rest[1..] : rest;
        for (int at = 0; at + 2 <= Math.Min(rest.Length, Columns); at += 3)
        {
            if (!byte.TryParse(rest.Slice(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                break;
            }

            content.Add(value);
        }

        return true;
    }
}
