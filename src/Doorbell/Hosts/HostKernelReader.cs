using System.Globalization;
using System.Text;

namespace Doorbell.Hosts;

/// <summary>What a host's kernel says of itself.</summary>
internal static class HostKernelReader
{
    public static HostKernel Read(HostReading reading)
    {
        string? release = reading.Text(HostPaths.Release) ?? ReleaseOf(reading.Text(HostPaths.Version));
        if (release is null)
        {
            reading.Miss("which kernel it runs", HostPaths.Release, HostRemedies.CaptureAgain);
        }

        IReadOnlyDictionary<string, string>? configuration = KernelConfiguration.Read(reading, release, out Evidence? evidence);
        string? commandLine = reading.Text(HostPaths.CommandLine);
        if (commandLine is null)
        {
            reading.Miss("the kernel's command line", HostPaths.CommandLine, HostRemedies.CaptureAgain);
        }

        return new HostKernel
        {
            Release = release,
            CommandLine = commandLine,
            Configuration = configuration,
            ConfigurationEvidence = evidence,
            Modules = reading.Lines(HostPaths.Modules, HostLimits.TextBytes) is { } lines ? [.. lines.Select(FirstWord).Where(static name => name.Length > 0)] : null,
            ModuleParameters = ReadParameters(reading),
            Iommus = ReadIommus(reading, configuration),
            IrqDomains = ReadIrqDomains(reading, configuration),
            InterruptChips = reading.Lines(HostPaths.Interrupts, HostLimits.InterruptsBytes) is { } interrupts ? InterruptChips.Read(interrupts) : null,
            IoMemory = ReadIoMemory(reading),
        };
    }

    private static string FirstWord(string line) => line.IndexOf(' ', StringComparison.Ordinal) is > 0 and int end ? line[..end] : line.Trim();

    // "Linux version 6.1.0-40-arm64 (…"
    private static string? ReleaseOf(string? version) => version?.Split(' ') is ["Linux", "version", { Length: > 0 } release, ..] ? release : null;

    private static Dictionary<string, string> ReadParameters(HostReading reading)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string module in HostPaths.ModulesWithParameters)
        {
            string folder = $"/sys/module/{module}/parameters";
            foreach (string name in reading.List(folder, HostLimits.Parameters))
            {
                if (reading.Text($"{folder}/{name}") is { } value)
                {
                    parameters[$"{module}.{name}"] = value;
                }
            }
        }

        return parameters;
    }

    private static IReadOnlyList<string>? ReadIommus(HostReading reading, IReadOnlyDictionary<string, string>? configuration)
    {
        HostFileStatus status = reading.Files.StatusOf(HostPaths.Iommus);
        if (status == HostFileStatus.Read)
        {
            return [.. reading.List(HostPaths.Iommus, HostLimits.Functions)];
        }

        // The class is the IOMMU API's: without it there is none.
        if (status == HostFileStatus.Missing && configuration is not null && !configuration.ContainsKey("CONFIG_IOMMU_API"))
        {
            return [];
        }

        reading.Miss("which IOMMUs the kernel runs", HostPaths.Iommus, HostReading.RemedyFor(status, HostRemedies.CaptureAgain));
        return null;
    }

    private static Dictionary<string, string>? ReadIrqDomains(HostReading reading, IReadOnlyDictionary<string, string>? configuration)
    {
        HostFileStatus status = reading.Files.StatusOf(HostPaths.IrqDomains);
        if (status != HostFileStatus.Read)
        {
            bool isConfiguredOut = configuration is not null && !configuration.ContainsKey("CONFIG_GENERIC_IRQ_DEBUGFS");
            string remedy = isConfiguredOut ? "a kernel with CONFIG_GENERIC_IRQ_DEBUGFS" : HostReading.RemedyFor(status, HostRemedies.MountDebugFs);
            reading.Miss("the kernel's interrupt domains and whether they isolate MSIs", HostPaths.IrqDomains, remedy);
            return null;
        }

        var domains = new Dictionary<string, string>(StringComparer.Ordinal);
        int left = HostLimits.DomainBytes;
        foreach (string name in reading.Files.List(HostPaths.IrqDomains))
        {
            if (reading.Files.TryRead($"{HostPaths.IrqDomains}/{name}", out byte[] text) != HostFileStatus.Read)
            {
                continue;
            }

            left -= text.Length;
            if (left < 0)
            {
                reading.Miss($"the interrupt domains from {name} on: there are more than {HostLimits.DomainBytes} bytes of them", HostPaths.IrqDomains, "nothing yet");
                break;
            }

            domains[name] = Encoding.UTF8.GetString(text);
        }

        return domains;
    }

    private static List<HostIoMemory>? ReadIoMemory(HostReading reading)
    {
        if (reading.Lines(HostPaths.IoMemory, HostLimits.TextBytes) is not { } lines)
        {
            reading.Miss("the map of physical addresses", HostPaths.IoMemory, HostReading.RemedyFor(reading.Files.StatusOf(HostPaths.IoMemory), HostRemedies.CaptureAgain));
            return null;
        }

        var ranges = new List<HostIoMemory>(lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0)
            {
                continue;
            }

            if (TryReadRange(lines[i], out HostIoMemory range))
            {
                ranges.Add(range);
            }
            else
            {
                reading.Malformed(HostPaths.IoMemory, i + 1, "\"first-last : name\"");
            }
        }

        if (ranges.TrueForAll(static range => range.Last == 0))
        {
            reading.Miss("the map of physical addresses: whoever may not know them sees zeros", HostPaths.IoMemory, HostRemedies.RunAsRoot);
            return null;
        }

        return ranges;
    }

    // "  10100000-102fffff : PCI Bus 0000:01"; two spaces a level.
    private static bool TryReadRange(ReadOnlySpan<char> line, out HostIoMemory range)
    {
        range = default;
        ReadOnlySpan<char> text = line.TrimStart(' ');
        int colon = text.IndexOf(" : "), dash = text.IndexOf('-');
        if (dash < 0 || colon < dash || !ulong.TryParse(text[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong start)
            || !ulong.TryParse(text[(dash + 1)..colon], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong last) || last < start)
        {
            return false;
        }

        range = new HostIoMemory(start, last, text[(colon + 3)..].ToString(), (line.Length - text.Length) / 2);
        return true;
    }
}
