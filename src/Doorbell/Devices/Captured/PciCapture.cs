using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Doorbell.Devices;

/// <summary>Reads functions out of a capture: one JSON object a line, with what sysfs says of a function.</summary>
/// <remarks>
/// Four members count, all others are left alone: <c>name</c>, the address; <c>config</c>, the configuration space in hexadecimal; and
/// <c>resource</c>, the lines of the sysfs file of that name ("first last flags", BAR 0 to 5, then the ROM, then what is no BAR). <c>msi_irqs</c> may
/// say which interrupts its driver had: "21:msix", one a vector.
/// </remarks>
public static class PciCapture
{
    private const int MaxLine = 1 << 20;

    /// <summary>Reads every function, in the order of the lines. Empty lines are skipped.</summary>
    /// <param name="file">The file's name, for sentences.</param>
    /// <param name="text">Its contents.</param>
    /// <returns>EINVAL with a sentence that names file and line.</returns>
    public static Result<IReadOnlyList<CapturedAt>> Read(string file, string text)
    {
        var functions = new List<CapturedAt>();
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            Result<CapturedAt> function = ReadLine($"{file}:{number}", line);
            if (!function.IsOk)
            {
                return function.WithoutValue;
            }

            if (functions.Exists(other => other.Address == function.Value.Address))
            {
                return Result.Fail(Errno.EINVAL, $"{file}:{number}: {function.Value.Address} is there already: expected each function once.");
            }

            functions.Add(function.Value);
        }

        return functions.Count > 0 ? functions : Result.Fail(Errno.EINVAL, $"{file}: expected a captured function, one JSON object a line, and found none.");
    }

    private static Result<CapturedAt> ReadLine(string where, string line)
    {
        if (line.Length > MaxLine)
        {
            return Result.Fail(Errno.EINVAL, $"{where}: expected a line of at most {MaxLine} characters, not {line.Length}.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetBytes(line));
            return ReadFunction(where, document.RootElement);
        }
        catch (JsonException)
        {
            return Result.Fail(Errno.EINVAL, $"{where}: expected a JSON object.");
        }
    }

    private static Result<CapturedAt> ReadFunction(string where, JsonElement line)
    {
        if (line.ValueKind != JsonValueKind.Object || Text(line, "name") is not { } name || !PciAddress.TryParse(name, out PciAddress address))
        {
            return Result.Fail(Errno.EINVAL, $"{where}: expected an object with a PCI address under \"name\", as in 0000:01:00.0.");
        }

        if (Text(line, "config") is not { } hex || hex.Length % 2 != 0 || !hex.All(char.IsAsciiHexDigit))
        {
            return Result.Fail(Errno.EINVAL, $"{where}: expected configuration space in hexadecimal under \"config\".");
        }

        if (!TryReadSizes(line, out List<ulong> sizes))
        {
            return Result.Fail(Errno.EINVAL, $"{where}: expected under \"resource\" a list of \"first last flags\", as the sysfs file has them.");
        }

        Result<CapturedFunction> function = CapturedFunction.Create($"{where}: {address}", Convert.FromHexString(hex), sizes);
        if (!function.IsOk)
        {
            return function.WithoutValue;
        }

        List<string?> interrupts = line.TryGetProperty("msi_irqs", out JsonElement list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(static item => item.ValueKind == JsonValueKind.String ? item.GetString() : null)]
            : [];
        return new CapturedAt(address, function.Value)
        {
            HostVectors = interrupts.Count,
            HostHasMsi = interrupts is [{ } first, ..] && first.EndsWith(":msi", StringComparison.Ordinal),
        };
    }

    private static string? Text(JsonElement element, string member) =>
        element.TryGetProperty(member, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool TryReadSizes(JsonElement line, out List<ulong> sizes)
    {
        sizes = [];
        if (!line.TryGetProperty("resource", out JsonElement resource) || resource.ValueKind != JsonValueKind.Array)
        {
            return false;
        }

        foreach (JsonElement item in resource.EnumerateArray())
        {
            string[] words = item.ValueKind == JsonValueKind.String ? item.GetString()!.Split(' ') : [];
            if (words.Length != 3 || !TryHex(words[0], out ulong first) || !TryHex(words[1], out ulong last) || !TryHex(words[2], out ulong flags) || last < first)
            {
                return false;
            }

            sizes.Add(flags == 0 ? 0 : last - first + 1);
        }

        return true;
    }

    private static bool TryHex(string word, out ulong value)
    {
        value = 0;
        return word.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
