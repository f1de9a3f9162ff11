using System.Globalization;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>Opens what <c>file=</c> names. The library makes no system call itself.</summary>
/// <param name="path">As it was given.</param>
/// <param name="readOnly">It is to be read only.</param>
public delegate Result<IBlockBackend> OpenBlockBackend(string path, bool readOnly);

/// <summary>Reads a whole file that a device is made from. The library makes no system call itself.</summary>
/// <param name="path">As it was given.</param>
public delegate Result<byte[]> ReadDeviceFile(string path);

/// <summary>Makes a device model from its options.</summary>
/// <param name="options">Keys and values; a key appears once.</param>
/// <returns>EINVAL with a sentence for an unknown key or value.</returns>
public delegate Result<PciDeviceModel> CreateDeviceModel(IReadOnlyList<KeyValuePair<string, string>> options);

/// <summary>The device models by name: what <c>--device BDF=MODEL[,key=value]…</c> makes.</summary>
public static class DeviceModels
{
    private const string PciTestForms = "pci-test or pci-test,vectors=N, with express=no on conventional PCI";

    /// <summary>Names of all models.</summary>
    public static IReadOnlyList<string> Names { get; } = ["nvme", "pci-test", "captured"];

    /// <summary>Makes a model from its name and options.</summary>
    /// <param name="model">A name of <see cref="Names"/>.</param>
    /// <param name="options">Keys and values; a key appears once.</param>
    /// <param name="openFile">Opens what <c>file=</c> names; null where files cannot be used.</param>
    /// <param name="readFile">Reads what <c>config=</c> names; null where files cannot be used.</param>
    /// <returns>EINVAL with a sentence for an unknown model, key or value; what opening the file said otherwise.</returns>
    public static Result<PciDeviceModel> Create(string model, IReadOnlyList<KeyValuePair<string, string>> options, OpenBlockBackend? openFile = null, ReadDeviceFile? readFile = null) => model switch
    {
        "nvme" => NvmeOptions.Create(options, openFile),
        "pci-test" => CreatePciTest(options),
        "captured" => CapturedOptions.Create(options, readFile),
        _ => Result.Fail(Errno.EINVAL, $"there is no device model \"{model}\"; there are {string.Join(", ", Names)}."),
    };

    private static Result<PciDeviceModel> CreatePciTest(IReadOnlyList<KeyValuePair<string, string>> options)
    {
        uint vectors = PciTestDevice.DefaultVectors;
        bool isExpress = true;
        foreach ((string key, string value) in options)
        {
            Result parsed = key switch
            {
                "vectors" => Number(key, value, 1, MsiXCapability.MaxVectors, out vectors),
                "express" => YesOrNo(key, value, out isExpress),
                _ => Unknown("pci-test", key, PciTestForms),
            };
            if (!parsed.IsOk)
            {
                return parsed;
            }
        }

        return new PciTestDevice((int)vectors, isExpress);
    }

    internal static Result Unknown(string model, string key, string forms) =>
        Result.Fail(Errno.EINVAL, $"{model} has no option \"{key}\": expected {forms}.");

    internal static Result Text(string key, string value, out string? text)
    {
        text = value;
        return value.Length > 0 ? Result.Ok : Result.Fail(Errno.EINVAL, $"{key}= is empty.");
    }

    internal static Result YesOrNo(string key, string value, out bool yes)
    {
        yes = value == "yes";
        return value is "yes" or "no" ? Result.Ok : Result.Fail(Errno.EINVAL, $"{key}={value} is neither yes nor no.");
    }

    internal static Result Number(string key, string value, uint least, uint most, out uint number) =>
        uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= least && number <= most
            ? Result.Ok
            : Result.Fail(Errno.EINVAL, $"{key}={value} is no number from {least} to {most}.");

    /// <summary>Bytes, with K, M, G or T for powers of 1024; a multiple of <paramref name="unitSize"/> above 0.</summary>
    internal static Result Size(string key, string value, uint unitSize, out ulong size)
    {
        const ulong Most = 1UL << 42;
        string units = "KMGT";
        int unit = value.Length > 0 ? units.IndexOf(char.ToUpperInvariant(value[^1]), StringComparison.Ordinal) + 1 : 0;
        bool isNumber = ulong.TryParse(unit > 0 ? value[..^1] : value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count);
        if (isNumber && count > 0 && count <= Most >> (10 * unit) && (count << (10 * unit)) % unitSize == 0)
        {
            size = count << (10 * unit);
            return Result.Ok;
        }

        size = 0;
        return Result.Fail(Errno.EINVAL, $"{key}={value} is no size: expected bytes, or a number with K, M, G or T, a multiple of {unitSize} up to 4T.");
    }
}
