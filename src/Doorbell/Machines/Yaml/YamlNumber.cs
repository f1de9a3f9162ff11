using System.Globalization;

namespace Doorbell.Machines.Yaml;

/// <summary>Numbers as machine files write them: decimal or 0x…, underscores between digits, K M G T for powers of 1024.</summary>
public static class YamlNumber
{
    /// <summary>Reads one; false for anything else, and for what 64 bits cannot hold.</summary>
    public static bool TryParse(string text, out ulong value)
    {
        value = 0;
        ReadOnlySpan<char> digits = text;
        int shift = 0;
        bool hex = text.StartsWith("0x", StringComparison.Ordinal);
        if (!hex)
        {
            digits = TrimUnit(digits, out shift);
        }
        else
        {
            digits = digits[2..];
        }

        if (digits.IsEmpty || digits[0] == '_' || digits[^1] == '_')
        {
            return false;
        }

        string plain = digits.ToString().Replace("_", "", StringComparison.Ordinal);
        NumberStyles style = hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        if (!ulong.TryParse(plain, style, CultureInfo.InvariantCulture, out ulong number) || number > ulong.MaxValue >> shift)
        {
            return false;
        }

        value = number << shift;
        return true;
    }

    /// <summary>A size as people write it: <c>64K</c>, <c>1M</c>, or hexadecimal where no unit fits.</summary>
    public static string Size(ulong size)
    {
        ReadOnlySpan<char> units = "TGMK";
        for (int i = 0; i < units.Length; i++)
        {
            int shift = 40 - (10 * i);
            if (size != 0 && size % (1UL << shift) == 0)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{size >> shift}{units[i]}");
            }
        }

        return $"0x{size:x}";
    }

    private static ReadOnlySpan<char> TrimUnit(ReadOnlySpan<char> digits, out int shift)
    {
        shift = 0;
        if (digits.EndsWith("iB"))
        {
            digits = digits[..^2];
            if (digits.IsEmpty || char.IsAsciiDigit(digits[^1]))
            {
                return [];
            }
        }

        shift = digits.IsEmpty ? 0 : digits[^1] switch
        {
            'K' => 10,
            'M' => 20,
            'G' => 30,
            'T' => 40,
            _ => 0,
        };
        return shift == 0 ? digits : digits[..^1];
    }
}
