namespace Doorbell.Devices;

/// <summary>What a captured function does: nothing, or what a few registers of a known device do (docs/devices.md).</summary>
public static class CapturedBehaviour
{
    /// <summary>By vendor and device ID, nothing for unknown ones.</summary>
    public const string Auto = "auto";

    /// <summary>Registers read as zero, writes are ignored.</summary>
    public const string None = "none";

    private static readonly Dictionary<string, Func<CapturedFunction, CapturedDevice>> Known = new()
    {
        [None] = static function => new CapturedDevice(function),
        ["edu"] = static function => new CapturedEdu(function),
        ["e1000e"] = static function => new CapturedE1000e(function),
        ["igb"] = static function => new CapturedIgb(function),
        ["nvme"] = static function => new CapturedNvme(function),
    };

    /// <summary>Names there are.</summary>
    public static IReadOnlyList<string> Names { get; } = [Auto, .. Known.Keys];

    /// <summary>A device with a behaviour.</summary>
    /// <param name="function">No bridge.</param>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>EINVAL for another name.</returns>
    public static Result<CapturedDevice> Create(CapturedFunction function, string name = Auto) =>
        Known.TryGetValue(name == Auto ? NameOf(function) : name, out Func<CapturedFunction, CapturedDevice>? create)
            ? create(function)
            : Result.Fail(Errno.EINVAL, $"behaviour={name}: expected {string.Join(", ", Names)}.");

    private static string NameOf(CapturedFunction function) => (function.VendorId, function.DeviceId) switch
    {
        (0x1234, 0x11e8) => "edu",
        (0x8086, 0x10d3) => "e1000e",
        (0x8086, 0x10c9) => "igb",
        (0x1b36, 0x0010) => "nvme",
        _ => None,
    };
}
