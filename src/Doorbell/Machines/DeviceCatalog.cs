using System.Globalization;
using Doorbell.Devices;
using Doorbell.Pci;

namespace Doorbell.Machines;

/// <summary>The device models by the names a command line or a machine's file gives them.</summary>
public static class DeviceCatalog
{
    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Models { get; } = ["pci-test"];

    /// <summary>Makes a device.</summary>
    /// <returns>EINVAL: no such model, or an option it does not have or cannot take.</returns>
    public static Result<PciDeviceModel> Create(DeviceSpec spec) => spec.Model switch
    {
        "pci-test" => CreatePciTest(spec),
        _ => Result.Fail(Errno.EINVAL, $"{spec}: there is no device model \"{spec.Model}\": expected {string.Join(" or ", Models)}."),
    };

    private static Result<PciDeviceModel> CreatePciTest(DeviceSpec spec)
    {
        int vectors = PciTestDevice.DefaultVectors;
        foreach ((string key, string value) in spec.Options)
        {
            if (key != "vectors")
            {
                return UnknownOption(spec, key, "vectors");
            }

            if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out vectors) || vectors is < 1 or > MsiXCapability.MaxVectors)
            {
                return Result.Fail(Errno.EINVAL, $"{spec}: vectors: expected a number from 1 to {MsiXCapability.MaxVectors}, not \"{value}\".");
            }
        }

        return new PciTestDevice(vectors);
    }

    private static Result UnknownOption(DeviceSpec spec, string key, string expected) =>
        Result.Fail(Errno.EINVAL, $"{spec}: {spec.Model} has no option \"{key}\": expected {expected}.");
}
