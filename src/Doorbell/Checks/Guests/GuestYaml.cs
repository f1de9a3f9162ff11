using Doorbell.Machines;
using Doorbell.Machines.Yaml;

namespace Doorbell.Checks.Guests;

/// <summary>Reads a guest layout's file (docs/guests.md). What is wrong in any way is refused whole.</summary>
public static class GuestYaml
{
    private const string Address = "an address or an amount of bytes";

    /// <summary>Reads one layout.</summary>
    /// <param name="file">The file's name, for sentences.</param>
    /// <param name="text">Its contents.</param>
    /// <returns>EINVAL with one sentence that names file, line, key and what was expected.</returns>
    public static Result<GuestLayout> Read(string file, string text)
    {
        var errors = new YamlErrors(file);
        GuestLayout? layout = YamlTree.Parse(text, errors) is { } root ? Read(YamlMappingReader.Open(root, "", errors, "a guest layout's keys")) : null;
        return errors.First is { } sentence ? Result.Fail(Errno.EINVAL, sentence) : layout!;
    }

    private static GuestLayout Read(YamlMappingReader reader)
    {
        string name = reader.Name("name");
        string title = reader.Text("title", "one line for people");
        MachineArchitecture architecture = reader.OneOf("architecture", ("arm64", MachineArchitecture.Arm64), ("x86-64", MachineArchitecture.X86));
        string vmm = reader.Text("vmm", "the name of the virtual machine monitor");
        string version = reader.Text("version", "the version it was read from");
        List<string> sources = Sentences(reader, "sources", optional: false), leftOut = Sentences(reader, "left-out", optional: true);
        ulong step = reader.Number("ram-step", "a power of two of bytes from 4K to 1G", 0x1000, 1 << 30);
        if (!ulong.IsPow2(step))
        {
            reader.Fail("ram-step", "expected a power of two of bytes from 4K to 1G.");
            step = 0x1000;
        }

        List<GuestOption> options = [];
        foreach (YamlMappingReader item in reader.Mappings("options", "option", optional: true))
        {
            GuestOption option = ReadOption(item);
            if (options.Exists(other => other.Name == option.Name))
            {
                item.Fail("name", $"expected each option once, not {option.Name} again.");
            }

            options.Add(option);
        }

        List<GuestBank> banks = [.. reader.Mappings("ram", "bank", optional: false).Select(item => ReadBank(item, options))];
        for (int i = 1; i < banks.Count; i++)
        {
            if (banks[i].Base <= banks[i - 1].Base || banks[i - 1].End is null || banks[i - 1].End is { Option: null } end && end.Number > banks[i].Base)
            {
                reader.Fail("ram", "expected banks that follow one another, each but the last with an end.");
            }
        }

        List<GuestRegion> regions = [.. reader.Mappings("regions", "region", optional: true).Select(item => ReadRegion(item, hasBase: true))];
        List<GuestRegion> after = [.. reader.Mappings("after-ram", "region", optional: true).Select(item => ReadRegion(item, hasBase: false))];
        ulong floor = reader.Number("after-ram-from", Address, 0, 1UL << 60, 0);
        reader.Finish();
        return new GuestLayout
        {
            Name = name,
            Title = title,
            Architecture = architecture,
            Vmm = vmm,
            Version = version,
            Sources = sources,
            LeftOut = leftOut,
            RamStep = step,
            Options = options,
            Banks = banks,
            Regions = regions,
            AfterRam = after,
            AfterRamFloor = floor,
        };
    }

    private static List<string> Sentences(YamlMappingReader reader, string key, bool optional)
    {
        List<string> sentences = [];
        foreach ((YamlElement element, string _) in reader.List(key, "a list of sentences", optional))
        {
            if (element is YamlScalarElement { Value.Length: > 0 } scalar)
            {
                sentences.Add(scalar.Value);
            }
            else
            {
                reader.Fail(key, $"expected a list of sentences, not {element.Kind} in it.");
            }
        }

        return sentences;
    }

    private static GuestOption ReadOption(YamlMappingReader reader)
    {
        string name = reader.Name("name");
        string written = reader.Text("written", "how the monitor wants it written, {} for the value");
        bool isSwitch = reader.OneOf("type", ("switch", true), ("size", false));
        if (isSwitch)
        {
            ulong on = reader.YesOrNo("default") ? 1UL : 0;
            ulong? amd = reader.Has("default-beside-hypertransport") ? (reader.YesOrNo("default-beside-hypertransport") ? 1UL : 0) : null;
            reader.Finish();
            return new GuestOption(name, written) { IsSwitch = true, Default = on, AmdDefault = amd };
        }

        ulong step = reader.Number("step", "bytes", 0x1000, 1UL << 40), min = reader.Number("min", Address, 0, 1UL << 60), max = reader.Number("max", Address, min, 1UL << 60);
        ulong value = reader.Number("default", $"a multiple of {YamlNumber.Size(step)} between min and max", min, max);
        if (min % step != 0 || max % step != 0 || value % step != 0)
        {
            reader.Fail("step", "expected min, max and default to be multiples of it.");
        }

        reader.Finish();
        return new GuestOption(name, written) { Default = value, Min = min, Max = max, Step = step };
    }

    private static GuestBank ReadBank(YamlMappingReader reader, List<GuestOption> options)
    {
        ulong start = reader.Number("base", Address, 0, 1UL << 60);
        GuestValue? end = reader.Has("end") ? ReadValue(reader, "end", options) : null;
        if (end is { Option: null } fixedEnd && fixedEnd.Number <= start)
        {
            reader.Fail("end", "expected an address after base.");
        }

        GuestValue? limit = reader.Has("limit") ? ReadValue(reader, "limit", options) : null;
        GuestSplit? split = null;
        if (reader.Mapping("split", "from and end", optional: true) is { } splitReader)
        {
            split = new GuestSplit(ReadValue(splitReader, "from", options), splitReader.Number("end", Address, 0, 1UL << 60));
            splitReader.Finish();
        }

        if (end is null && (split is not null || limit is not null))
        {
            reader.Fail("expected an end where there is a split or a limit.");
        }

        GuestRelocation? relocation = null;
        if (reader.Mapping("relocation", "option, above, align, beyond and to", optional: true) is { } move)
        {
            relocation = new GuestRelocation(
                ReadName(move, "option", options, isSwitch: true),
                move.Number("above", Address, 1, 1UL << 60),
                move.Number("align", Address, 1, 1UL << 60),
                move.Number("beyond", Address, 0, 1UL << 60),
                move.Number("to", Address, 1, 1UL << 60));
            move.Finish();
        }

        reader.Finish();
        return new GuestBank(start, end, split, limit, relocation);
    }

    private static GuestValue ReadValue(YamlMappingReader reader, string key, List<GuestOption> options)
    {
        string text = reader.Text(key, Address + ", or the name of an option");
        return YamlNumber.TryParse(text, out ulong number) ? new GuestValue(number) : new GuestValue(0, ReadName(reader, key, options, isSwitch: false));
    }

    private static string ReadName(YamlMappingReader reader, string key, List<GuestOption> options, bool isSwitch)
    {
        string name = reader.Text(key, "the name of an option");
        if (!options.Exists(option => option.Name == name && option.IsSwitch == isSwitch))
        {
            reader.Fail(key, $"expected the name of an option of type {(isSwitch ? "switch" : "size")}{(isSwitch ? "" : ", or a number")}, not \"{name}\".");
        }

        return name;
    }

    private static GuestRegion ReadRegion(YamlMappingReader reader, bool hasBase)
    {
        string name = reader.Text("name", "a name");
        GuestRegionKind kind = reader.OneOf(
            "kind", ("mmio", GuestRegionKind.Mmio), ("ecam", GuestRegionKind.Ecam), ("firmware", GuestRegionKind.Firmware), ("pci", GuestRegionKind.Pci), ("msi", GuestRegionKind.Msi));
        ulong start = hasBase ? reader.Number("base", Address, 0, 1UL << 60) : 0, size = reader.Number("size", "bytes", 1, 1UL << 60);
        reader.Finish();
        return new GuestRegion(name, kind, new GuestRange(start, start + (size - 1)));
    }
}
