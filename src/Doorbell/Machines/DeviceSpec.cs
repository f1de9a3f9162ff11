namespace Doorbell.Machines;

/// <summary>A device to plug in: <c>BDF=MODEL[,key=value]…</c>.</summary>
public sealed record DeviceSpec
{
    /// <summary>Where.</summary>
    public required PciAddress Address { get; init; }

    /// <summary>Which model: <c>nvme</c>, <c>pci-test</c>.</summary>
    public required string Model { get; init; }

    /// <summary>The model's options, in the order given; a key appears once.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Options { get; init; } = [];

    /// <summary>Reads the text after <c>--device</c>. A comma in a value is written twice, as QEMU has it.</summary>
    /// <returns>EINVAL with a sentence that quotes the text.</returns>
    public static Result<DeviceSpec> Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            return Result.Fail(Errno.EINVAL, $"\"{text}\" is not a device: expected BDF=MODEL[,key=value...], as in 0000:01:00.0=nvme,file=disk.img.");
        }

        if (!PciAddress.TryParse(text[..equals], out PciAddress address))
        {
            return Result.Fail(Errno.EINVAL, $"\"{text[..equals]}\" in \"{text}\" is not a PCI address: expected ssss:bb:dd.f in hexadecimal, as in 0000:01:00.0.");
        }

        List<string> parts = SplitAtCommas(text[(equals + 1)..]);
        if (!IsName(parts[0]))
        {
            return Result.Fail(Errno.EINVAL, $"\"{text}\" names no device model: expected letters, digits and dashes after \"=\", as in {address}=nvme.");
        }

        var options = new List<KeyValuePair<string, string>>();
        foreach (string part in parts.Skip(1))
        {
            int sign = part.IndexOf('=', StringComparison.Ordinal);
            string key = sign < 0 ? part : part[..sign];
            if (sign < 0 || !IsName(key))
            {
                return Result.Fail(Errno.EINVAL, $"\"{part}\" in \"{text}\" is not an option: expected key=value.");
            }

            if (options.Any(option => option.Key == key))
            {
                return Result.Fail(Errno.EINVAL, $"the option \"{key}\" is given twice in \"{text}\".");
            }

            options.Add(new(key, part[(sign + 1)..]));
        }

        return new DeviceSpec { Address = address, Model = parts[0], Options = options };
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Address}={Model}{string.Concat(Options.Select(option => $",{option.Key}={option.Value.Replace(",", ",,", StringComparison.Ordinal)}"))}";

    /// <summary>True for a name of a model or an option: letters, digits, dashes, underscores.</summary>
    public static bool IsName(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static List<string> SplitAtCommas(string text)
    {
        var parts = new List<string>();
        var part = new System.Text.StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != ',')
            {
                part.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == ',')
            {
                part.Append(',');
                i++;
            }
            else
            {
                parts.Add(part.ToString());
                part.Clear();
            }
        }

        parts.Add(part.ToString());
        return parts;
    }
}
