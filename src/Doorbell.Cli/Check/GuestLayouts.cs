using System.Globalization;
using Doorbell.Checks;
using Doorbell.Checks.Guests;
using Doorbell.Hosts;
using Doorbell.Linux;

namespace Doorbell.Cli.Check;

/// <summary><c>--guest</c>: layouts by name or file, put beside what the host keeps from each device asked for.</summary>
internal static class GuestLayouts
{
    private const string Extension = ".yaml";

    /// <summary>Reads a LAYOUT; the reason is a whole sentence.</summary>
    public static Result<Guest> Parse(string text) => Guest.Parse(text, Load);

    /// <summary>What the guest meets; devices that meet the same are one finding. None where no device's addresses are known.</summary>
    public static IEnumerable<GuestFinding> Check(Guest guest, HostFacts facts, CheckReport report)
    {
        Dictionary<string, GuestFinding> findings = [];
        var spaces = new HostDmaSpaces(facts);
        IEnumerable<HostFunction> functions = report.Functions.Where(static check => check.ReservedRegions is not null).Select(static check => check.Function)
            .Concat(report.Ranges.Where(static range => range.Path.Iommu is not null).Select(static range => new HostFunction { Address = new PciAddress((ushort)range.Host.Segment, (byte)range.FirstBus, 0, 0), Evidence = range.Host.Evidence }));
        foreach (HostFunction function in functions)
        {
            GuestReport found = GuestCheck.Check(guest, spaces.Of(function));
            List<GuestClash> clashes = [.. found.Collisions.Select(static collision => new GuestClash(collision.Rule, collision.IsFatal, collision.Sentence, collision.Evidence))];

            // Groups differ in where their regions were read; what is met is the same.
            string key = string.Create(CultureInfo.InvariantCulture, $"{found.Guest}\n{string.Join('\n', clashes.Select(static clash => clash.Sentence))}\n{found.Change?.Sentence}");
            findings[key] = findings.TryGetValue(key, out GuestFinding? same)
                ? same with { Devices = [.. same.Devices, function.Address] }
                : new GuestFinding(found.Guest.ToString(), [function.Address], found.Fits, clashes, found.Change?.Sentence);
        }

        return findings.Values;
    }

    private static Result<GuestLayout> Load(string name)
    {
        if (!name.EndsWith(Extension, StringComparison.Ordinal))
        {
            return BuiltInGuests.Load(name);
        }

        Result<byte[]> bytes = DeviceFiles.Read(name);
        return bytes.IsOk ? GuestYaml.Read(name, System.Text.Encoding.UTF8.GetString(bytes.Value)) : bytes.WithoutValue;
    }
}
