using Doorbell.Hosts;

namespace Doorbell.Checks.Errata;

/// <summary>The errata that are known (errata/errata.yaml, part of the assembly).</summary>
public static class ErrataList
{
    private static readonly Lazy<IReadOnlyList<Erratum>> List = new(Load);

    /// <summary>All, in the order of the file.</summary>
    public static IReadOnlyList<Erratum> All => List.Value;

    /// <summary>Those of an IOMMU.</summary>
    public static IReadOnlyList<Erratum> For(FirmwareIommu iommu) =>
        iommu.Product is { } product ? Find(static (erratum, name) => erratum.IommuProducts.Contains(name, StringComparer.OrdinalIgnoreCase), product) : [];

    /// <summary>Those of an MSI controller.</summary>
    public static IReadOnlyList<Erratum> For(FirmwareMsiController controller) =>
        controller.Product is { } product ? Find(static (erratum, name) => erratum.MsiProducts.Contains(name, StringComparer.OrdinalIgnoreCase), product) : [];

    /// <summary>Those that a PCI function shows; <see cref="Erratum.Scope"/> says whom they concern.</summary>
    public static IReadOnlyList<Erratum> For(HostFunction function) => Find(static (erratum, function) => erratum.Has(function), function);

    private static Erratum[] Find<T>(Func<Erratum, T, bool> has, T what)
    {
        List<Erratum>? found = null;
        foreach (Erratum erratum in All)
        {
            if (has(erratum, what))
            {
                (found ??= []).Add(erratum);
            }
        }

        return found?.ToArray() ?? [];
    }

    private static IReadOnlyList<Erratum> Load()
    {
        using Stream file = typeof(ErrataList).Assembly.GetManifestResourceStream("errata.list")!;
        using var reader = new StreamReader(file);
        return ErrataYaml.Read("errata.yaml", reader.ReadToEnd()).Value;
    }
}
