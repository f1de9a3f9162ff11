using Doorbell.Machines.Yaml;

namespace Doorbell.Checks.Guests;

/// <summary>Reads a LAYOUT as a user writes it.</summary>
internal static class GuestText
{
    private const string Grammar = "expected NAME:SIZE[,OPTION=VALUE...], as in qemu-virt:4G, or ranges FIRST-LAST[,FIRST-LAST...], as in 0x40000000-0x7fffffff.";

    // VFIO maps no less than a page.
    private const ulong Page = 0x1000;

    public static Result<Guest> Read(string text, Func<string, Result<GuestLayout>> load)
    {
        string[] parts = text.Split(',');
        int colon = parts[0].LastIndexOf(':');
        if (colon <= 0)
        {
            return Fail($"{Quoted(text)}: {Grammar}");
        }

        string name = parts[0][..colon], size = parts[0][(colon + 1)..];
        Result<GuestLayout> layout = load(name);
        if (!layout.IsOk)
        {
            return layout.WithoutValue;
        }

        if (!YamlNumber.TryParse(size, out ulong ram) || ram == 0 || ram % layout.Value.RamStep != 0)
        {
            return Fail($"{Quoted(text)}: expected an amount of RAM that is a multiple of {YamlNumber.Size(layout.Value.RamStep)}, as in {name}:4G, not {Quoted(size)}.");
        }

        var given = new ulong?[layout.Value.Options.Count];
        foreach (string part in parts.AsSpan(1))
        {
            Result option = ReadOption(text, part, layout.Value, given);
            if (!option.IsOk)
            {
                return option;
            }
        }

        return Guest.Place(layout.Value, name, ram, given) is { } guest
            ? guest
            : Fail($"{Quoted(text)}: {layout.Value.Title} has no room for {YamlNumber.Size(ram)} of RAM.");
    }

    public static Result<Guest> ReadRanges(string text)
    {
        List<GuestRange> ranges = [];
        foreach (string part in text.Split(','))
        {
            int dash = part.IndexOf('-', StringComparison.Ordinal);
            if (dash < 0 || !YamlNumber.TryParse(part[..dash], out ulong first) || !YamlNumber.TryParse(part[(dash + 1)..], out ulong last))
            {
                return Fail($"{Quoted(text)}: {Quoted(part)} is no range: {Grammar}");
            }

            if (first % Page != 0 || unchecked(last + 1) % Page != 0 || last < first)
            {
                return Fail($"{Quoted(text)}: {Quoted(part)} is no range of whole pages: its first address must be a multiple of 0x1000, and its last address, which belongs to it, end in fff and be no lower.");
            }

            GuestRange range = new(first, last);
            if (range.Size == 0)
            {
                return Fail($"{Quoted(text)}: {Quoted(part)} is every address there is; no guest has so much RAM.");
            }

            foreach (GuestRange other in ranges)
            {
                if (other.Overlaps(range))
                {
                    return Fail($"{Quoted(text)}: {range} overlaps {other}; RAM lies at an address once.");
                }
            }

            ranges.Add(range);
        }

        return Guest.OfRanges(ranges);
    }

    private static Result ReadOption(string text, string part, GuestLayout layout, ulong?[] given)
    {
        int equals = part.IndexOf('=', StringComparison.Ordinal);
        int index = equals > 0 ? layout.IndexOf(part[..equals]) : -1;
        if (index < 0)
        {
            string known = layout.Options.Count == 0 ? "it has none" : "expected " + string.Join(" or ", layout.Options.Select(static option => option.IsSwitch ? option.Name + "=on|off" : option.Name + "=SIZE"));
            return Fail($"{Quoted(text)}: {layout.Name} has no option {Quoted(part)}: {known}.");
        }

        GuestOption option = layout.Options[index];
        if (given[index] is not null)
        {
            return Fail($"{Quoted(text)}: {option.Name} is said twice.");
        }

        string value = part[(equals + 1)..];
        if (option.IsSwitch)
        {
            if (value is not ("on" or "off"))
            {
                return Fail($"{Quoted(text)}: {option.Name}: expected on or off, not {Quoted(value)}.");
            }

            given[index] = value == "on" ? 1UL : 0;
            return Result.Ok;
        }

        if (!YamlNumber.TryParse(value, out ulong number) || number < option.Min || number > option.Max || number % option.Step != 0)
        {
            return Fail($"{Quoted(text)}: {option.Name}: expected a size from {YamlNumber.Size(option.Min)} to {YamlNumber.Size(option.Max)} in steps of {YamlNumber.Size(option.Step)}, not {Quoted(value)}.");
        }

        given[index] = number;
        return Result.Ok;
    }

    private static string Quoted(string text)
    {
        const int Most = 80;
        string plain = string.Concat(text.Select(static letter => char.IsControl(letter) || letter is '\u2028' or '\u2029' ? ' ' : letter));
        return plain.Length > Most ? $"\"{plain[..Most]}…\"" : $"\"{plain}\"";
    }

    private static Result Fail(string sentence) => Result.Fail(Errno.EINVAL, sentence);
}
