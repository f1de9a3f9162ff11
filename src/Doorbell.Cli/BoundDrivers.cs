using Doorbell.Machines;

namespace Doorbell.Cli;

/// <summary>The values of <c>--driver</c>: <c>BDF=NAME</c>, a function once.</summary>
internal static class BoundDrivers
{
    private const string Nobody = "none";

    /// <summary>Reads them; the reason is a whole sentence.</summary>
    public static Result<IReadOnlyDictionary<PciAddress, string?>> Parse(IEnumerable<string> texts)
    {
        var drivers = new Dictionary<PciAddress, string?>();
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 || !PciAddress.TryParse(text[..equals], out PciAddress address) || !DeviceSpec.IsName(text[(equals + 1)..]))
            {
                return Result.Fail(Errno.EINVAL, $"--driver \"{text}\": expected BDF=NAME, as in 0000:01:00.0=e1000 or 0000:01:00.0={Nobody}.");
            }

            string driver = text[(equals + 1)..];
            if (!drivers.TryAdd(address, driver == Nobody ? null : driver))
            {
                return Result.Fail(Errno.EEXIST, $"{address} is given two drivers: expected one a function.");
            }
        }

        return drivers;
    }
}
