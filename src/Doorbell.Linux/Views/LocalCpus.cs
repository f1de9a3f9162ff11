using System.Globalization;
using System.Text;

namespace Doorbell.Linux.Views;

/// <summary>The CPUs near a device: all of this computer's, as on a machine with one node.</summary>
internal static class LocalCpus
{
    private const string Online = "/sys/devices/system/cpu/online";
    private const int BitsOfWord = 32;

    /// <summary>As in <c>0-3,5</c>.</summary>
    internal static string List { get; } = File.Exists(Online) ? File.ReadAllText(Online).Trim() : "0";

    /// <summary>The same as a mask: words of 32 bits in hexadecimal, the highest first.</summary>
    internal static string Mask { get; } = MaskOf(List);

    internal static string MaskOf(string list)
    {
        (int First, int Last)[] ranges =
        [
            .. list.Split(',').Select(static range => range.Split('-')).Select(static ends =>
                (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[^1], CultureInfo.InvariantCulture))),
        ];
        var words = new uint[(ranges.Max(static range => range.Last) / BitsOfWord) + 1];
        foreach ((int first, int last) in ranges)
        {
            for (int cpu = first; cpu <= last; cpu++)
            {
                words[cpu / BitsOfWord] |= 1u << (cpu % BitsOfWord);
            }
        }

        var text = new StringBuilder(words[^1].ToString("x", CultureInfo.InvariantCulture));
        for (int i = words.Length - 2; i >= 0; i--)
        {
            text.Append(CultureInfo.InvariantCulture, $",{words[i]:x8}");
        }

        return text.ToString();
    }
}
