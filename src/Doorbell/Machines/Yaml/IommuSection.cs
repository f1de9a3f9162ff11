using Doorbell.Iommu;

namespace Doorbell.Machines.Yaml;

/// <summary>An element of <c>iommus</c>.</summary>
internal static class IommuSection
{
    public static IommuDescription Read(YamlMappingReader reader, MemoryClaims claims, MachineArchitecture architecture, ulong pageSize)
    {
        string name = claims.ReadName(reader);
        bool isX86 = architecture == MachineArchitecture.X86;
        SmmuModel model = isX86
            ? reader.OneOf("model", ("vt-d", SmmuModel.VtD), ("amd-vi", SmmuModel.AmdVi))
            : reader.OneOf("model", ("smmuv3", SmmuModel.SmmuV3), ("smmuv2", SmmuModel.SmmuV2));
        string? product = reader.Has("product") ? reader.Name("product") : null;
        MemoryRange registers = claims.Read(reader, $"IOMMU {name}", alignment: 0x1000);
        List<ulong> granules = ReadGranules(reader, pageSize);
        int inputBits = (int)reader.Number("input-bits", "a number of bits from 32 to 52", 32, 52);
        int outputBits = (int)reader.Number("output-bits", "a number of bits from 32 to 52", 32, 52, 48);
        int? streamIdBits = isX86 || !reader.Has("stream-id-bits") ? null : ReadStreamIdBits(reader, model);
        List<ReservedRegion> hardware = isX86 ? [] : ReadHardwareMsi(reader, inputBits, pageSize);
        ReservedRegion window = isX86 ? default : ReadWindow(reader, inputBits, pageSize);
        bool remapping = isX86 && reader.YesOrNo("interrupt-remapping");
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
            StreamIdBits = streamIdBits,
            MsiWindow = window,
            HardwareMsi = hardware,
            InterruptRemapping = remapping,
        };
    }

    private static int ReadStreamIdBits(YamlMappingReader reader, SmmuModel model)
    {
        int most = (model == SmmuModel.SmmuV3 ? IommuModel.SmmuV3 : IommuModel.SmmuV2).MaxStreamIdBits;
        return (int)reader.Number("stream-id-bits", $"a number of bits from 1 to {most}", 1, (ulong)most);
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

    private static List<ReservedRegion> ReadHardwareMsi(YamlMappingReader reader, int inputBits, ulong pageSize)
    {
        var regions = new List<ReservedRegion>();
        foreach (YamlMappingReader item in reader.Mappings("hardware-msi", "range", optional: true))
        {
            (ulong start, ulong size) = ReadIovas(item, inputBits, pageSize);
            var region = new ReservedRegion(new Iova(start), size, ReservedRegionType.Msi);
            if (regions.Exists(other => other.Base <= region.Last && region.Base <= other.Last))
            {
                item.Fail("base", $"{region.Base}-{region.Last} overlaps an earlier range: expected each address once.");
            }

            regions.Add(region);
            item.Finish();
        }

        return regions;
    }

    private static ReservedRegion ReadWindow(YamlMappingReader reader, int inputBits, ulong pageSize)
    {
        if (reader.Mapping("msi-window", "a mapping of base and size", optional: true) is not { } window)
        {
            return ReservedRegion.DefaultSoftwareMsi;
        }

        if (reader.Has("hardware-msi"))
        {
            reader.Fail("msi-window", "stands beside hardware-msi: expected one of the two, for MSIs that hardware takes out need no window.");
        }

        (ulong start, ulong size) = ReadIovas(window, inputBits, pageSize);
        window.Finish();
        return new ReservedRegion(new Iova(start), size, ReservedRegionType.SoftwareMsi);
    }

    private static (ulong Start, ulong Size) ReadIovas(YamlMappingReader window, int inputBits, ulong pageSize)
    {
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

        return (start, size);
    }
}
