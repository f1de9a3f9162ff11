using System.Text;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>The options of <c>captured</c>: a file with configuration space and the BARs' sizes, or a capture that has both.</summary>
internal static class CapturedOptions
{
    private const string Forms = "captured,config=FILE,bar0=64K,... with the bytes of a sysfs config file, or captured,config=FILE,function=0000:01:00.0 with a capture in JSON lines";

    public static Result<PciDeviceModel> Create(IReadOnlyList<KeyValuePair<string, string>> options, ReadDeviceFile? readFile)
    {
        string file = "", function = "", behaviour = CapturedBehaviour.None;
        var sizes = new ulong[CapturedFunction.RomIndex + 1];
        foreach ((string key, string value) in options)
        {
            Result parsed = key switch
            {
                "config" => Keep(value, out file),
                "function" => Keep(value, out function),
                "behaviour" => Keep(value, out behaviour),
                "rom" => DeviceModels.Size(key, value, 1, out sizes[CapturedFunction.RomIndex]),
                ['b', 'a', 'r', >= '0' and <= '5' and var digit] => DeviceModels.Size(key, value, 1, out sizes[digit - '0']),
                _ => Result.Fail(Errno.EINVAL, $"captured has no option \"{key}\": expected {Forms}."),
            };
            if (!parsed.IsOk)
            {
                return parsed;
            }
        }

        if (file.Length == 0)
        {
            return Result.Fail(Errno.EINVAL, $"captured needs a file: {Forms}.");
        }

        if (readFile is null)
        {
            return Result.Fail(Errno.EOPNOTSUPP, $"captured: config={file} cannot be used here.");
        }

        Result<byte[]> bytes = readFile(file);
        if (!bytes.IsOk)
        {
            return bytes.WithoutValue;
        }

        bool isCapture = bytes.Value is [(byte)'{', ..];
        if (isCapture ? sizes.Any(static size => size != 0) : function.Length != 0)
        {
            return Result.Fail(Errno.EINVAL, $"{file}: {(isCapture ? "a capture in JSON lines has its BARs' sizes" : "these are the bytes of one function")}: expected {Forms}.");
        }

        Result<CapturedFunction> found = isCapture
            ? Find(file, Encoding.UTF8.GetString(bytes.Value), function)
            : CapturedFunction.Create(file, bytes.Value, sizes);
        if (!found.IsOk)
        {
            return found.WithoutValue;
        }

        if (found.Value.IsBridge)
        {
            return Result.Fail(Errno.EINVAL, $"{file}: a bridge is no device for a slot: expected a function with a type 0 header.");
        }

        Result<CapturedDevice> device = CapturedBehaviour.Create(found.Value, behaviour);
        return device.IsOk ? device.Value : device.WithoutValue;
    }

    private static Result Keep(string value, out string kept)
    {
        kept = value;
        return Result.Ok;
    }

    private static Result<CapturedFunction> Find(string file, string text, string function)
    {
        Result<IReadOnlyList<CapturedAt>> functions = PciCapture.Read(file, text);
        if (!functions.IsOk)
        {
            return functions.WithoutValue;
        }

        CapturedAt? found = PciAddress.TryParse(function, out PciAddress address)
            ? functions.Value.FirstOrDefault(candidate => candidate.Address == address)
            : functions.Value.Count == 1 && function.Length == 0 ? functions.Value[0] : null;
        return found is not null
            ? found.Function
            : Result.Fail(Errno.EINVAL, $"{file} has no function \"{function}\": expected function= and one of {string.Join(", ", functions.Value.Select(static candidate => candidate.Address))}.");
    }
}
