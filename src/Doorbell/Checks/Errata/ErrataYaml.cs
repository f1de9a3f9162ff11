using Doorbell.Machines.Yaml;

namespace Doorbell.Checks.Errata;

/// <summary>Reads a file of errata. What is wrong in any way is refused whole.</summary>
internal static class ErrataYaml
{
    /// <summary>EINVAL with one sentence that names file, line, key and what was expected.</summary>
    public static Result<IReadOnlyList<Erratum>> Read(string file, string text)
    {
        var errors = new YamlErrors(file);
        List<Erratum> errata = [];
        if (YamlTree.Parse(text, errors) is { } root)
        {
            YamlMappingReader reader = YamlMappingReader.Open(root, "", errors, "a list of errata");
            foreach (YamlMappingReader item in reader.Mappings("errata", "erratum", optional: false))
            {
                Erratum erratum = ReadOne(item);
                if (errata.Exists(other => other.Id == erratum.Id))
                {
                    item.Fail("id", $"expected each erratum once, not {erratum.Id} again.");
                }

                errata.Add(erratum);
            }

            reader.Finish();
        }

        return errors.First is { } sentence ? Result.Fail(Errno.EINVAL, sentence) : Result.Of<IReadOnlyList<Erratum>>(errata);
    }

    private static Erratum ReadOne(YamlMappingReader reader)
    {
        List<ushort> devices = [.. reader.List("devices", "a list of device IDs", optional: true).Select(item => Id(reader, item.Element))];
        ushort vendor = (ushort)reader.Number("vendor", "a vendor ID", 1, 0xfffe, 0);
        List<string> iommus = Products(reader, "iommu-products"), controllers = Products(reader, "msi-products");
        byte first = (byte)reader.Number("first-revision", "a revision", 0, 0xff, 0), last = (byte)reader.Number("last-revision", "a revision, first-revision or more", first, 0xff, 0xff);
        ushort? @class = reader.Has("class") ? (ushort)reader.Number("class", "base class and subclass", 0, 0xffff) : null;
        ErratumScope scope = reader.Has("concerns") ? reader.OneOf("concerns", ("host", ErratumScope.Host), ("graphics", ErratumScope.Graphics)) : ErratumScope.Found;
        if ((iommus.Count > 0 ? 1 : 0) + (controllers.Count > 0 ? 1 : 0) + (vendor != 0 && devices.Count > 0 ? 1 : 0) != 1)
        {
            reader.Fail("expected one of iommu-products, msi-products, and vendor with devices.");
        }

        var erratum = new Erratum
        {
            Id = reader.Name("id"),
            Title = reader.Text("title", "the hardware that has it"),
            Effect = reader.OneOf("effect", ("not-isolated", ErratumEffect.NotIsolated), ("hardware-msi", ErratumEffect.HardwareMsi), ("not-translated", ErratumEffect.NotTranslated)),
            Scope = scope,
            Sentence = reader.Text("sentence", "what it means"),
            Source = reader.Text("source", "where it was read"),
            IommuProducts = iommus,
            MsiProducts = controllers,
            VendorId = vendor,
            DeviceIds = devices,
            FirstRevision = first,
            LastRevision = last,
            Class = @class,
        };
        reader.Finish();
        return erratum;
    }

    private static List<string> Products(YamlMappingReader reader, string key)
    {
        List<string> products = [];
        foreach ((YamlElement element, string _) in reader.List(key, "a list of products", optional: true))
        {
            if (element is YamlScalarElement { Value.Length: > 0 } scalar)
            {
                products.Add(scalar.Value);
            }
            else
            {
                reader.Fail(key, $"expected a list of products, not {element.Kind} in it.");
            }
        }

        return products;
    }

    private static ushort Id(YamlMappingReader reader, YamlElement element)
    {
        if (element is YamlScalarElement scalar && YamlNumber.TryParse(scalar.Value, out ulong id) && id <= ushort.MaxValue)
        {
            return (ushort)id;
        }

        reader.Fail("devices", $"expected a list of device IDs, not {element.Kind} in it.");
        return 0;
    }
}
