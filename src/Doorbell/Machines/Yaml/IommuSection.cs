using Doorbell.Iommu;

namespace Doorbell.Machines.Yaml;

/// <summary>An element of <c>iommus</c>.</summary>
internal static class IommuSection
{
    public static IommuDescription Read(YamlMappingReader reader, MemoryClaims claims, ulong pageSize)
    {
        string name = claims.ReadName(reader);
        SmmuModel model = reader.OneOf("model", ("smmuv3", SmmuModel.SmmuV3), ("smmuv2", SmmuModel.SmmuV2));
        string? product = reader.Has("product") ? reader.Name("product") : null;
        MemoryRange registers = claims.Read(reader, $"IOMMU {name}", alignment: 0x1000);
        List<ulong> granules = ReadGranules(reader, pageSize);
        int inputBits = (int)reader.Number("input-bits", "a number of bits from 32 to 52", 32, 52);
        int outputBits = (int)reader.Number("output-bits", "a number of bits from 32 to 52", 32, 52, 48);
        ReservedRegion window = ReadWindow(reader, inputBits, pageSize);
        reader.Finish();
        return new IommuDescription
        {
            Name = name,
            Model = model,
            Product = product,
            Registers = registers,
            Granules = granules,
            InputBits = inputBits,
            OutputBits = outputBits,
            MsiWindow = window,
        };
    }

    private static List<ulong> ReadGranules(YamlMappingReader reader, ulong pageSize)
    {
        const string expected = "a list of 4K, 16K and 64K";
        var granules = new SortedSet<ulong>();
        foreach ((YamlElement element, string _) in reader.List("granules", expected, optional: false))
        {
            if (element is not YamlScalarElement { Value: "4K" or "16K" or "64K" } scalar)
            {
                reader.Fail("granules", $"expected {expected}, not {element.Kind} in it.");
            }
            else if (!YamlNumber.TryParse(scalar.Value, out ulong granule) || !granules.Add(granule))
            {
                reader.Fail("granules", $"expected each granule once, not {scalar.Value} again.");
            }
        }

        if (granules.Count > 0 && !granules.Contains(pageSize))
        {
            reader.Fail("granules", $"expected the machine's page size, {YamlNumber.Size(pageSize)}, among them.");
        }

        return [.. granules];
    }

    private static ReservedRegion ReadWindow(YamlMappingReader reader, int inputBits, ulong pageSize)
    {
        if (reader.Mapping("msi-window", "a mapping of base and size", optional: true) is not { } window)
        {
            return ReservedRegion.DefaultSoftwareMsi;
        }

        ulong last = (1UL << inputBits) - 1;
        ulong start = window.Number("base", "an IOVA the IOMMU's input bits can hold", 0, last);
        ulong size = window.Number("size", $"a size of at least a page of {YamlNumber.Size(pageSize)} that ends within the IOMMU's input bits", pageSize, last - start + 1);
        if (start % pageSize != 0)
        {
            window.Fail("base", $"expected an IOVA aligned to the page size, {YamlNumber.Size(pageSize)}, not 0x{start:x}.");
        }

        if (size % pageSize != 0)
        {
            window.Fail("size", $"expected a multiple of the page size, {YamlNumber.Size(pageSize)}, not 0x{size:x}.");
        }

        window.Finish();
        return new ReservedRegion(new Iova(start), size, ReservedRegionType.SoftwareMsi);
    }
}
