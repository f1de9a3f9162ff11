using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Doorbell.Hosts;

namespace Doorbell.Linux.Hosts;

/// <summary>The files of a recorded board (<c>boot/</c> beside the records that <c>doorbell compare</c> reads) as those of a host: <c>pci.jsonl</c>, <c>iommu_groups.txt</c> and what lies by them, each gzip or not.</summary>
internal static class BoardHostFiles
{
    private const int MostBytes = 1 << 26;

    public static bool IsBoard(string folder) => File.Exists(Path.Combine(folder, "pci.jsonl")) || File.Exists(Path.Combine(folder, "pci.jsonl.gz"));

    public static Result<IHostFiles> Read(string folder)
    {
        var files = new HostSnapshot(folder);
        string? failure = null;
        try
        {
            failure = AddFunctions(files, folder);
            AddText(files, folder, "iomem.txt", HostPaths.IoMemory);
            AddText(files, folder, "interrupts.txt", HostPaths.Interrupts);
            AddText(files, folder, "modules.txt", HostPaths.Modules);
            AddText(files, folder, "fdt.dtb", HostPaths.DeviceTree);
            AddText(files, folder, "kernel-config", HostPaths.PackedConfiguration, isPacked: true);
            AddGroups(files, folder);
            AddIommus(files, folder);
            AddIrqDomains(files, folder);
            AddLog(files, folder);
            string tables = Path.Combine(folder, "acpi");
            if (Directory.Exists(tables))
            {
                foreach (string table in Directory.EnumerateFiles(tables).Where(static table => Path.GetExtension(table) != ".dsl"))
                {
                    files.AddFile($"{HostPaths.AcpiTables}/{Path.GetFileName(table)}", File.ReadAllBytes(table));
                }
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            failure = unreadable.Message;
        }

        return failure is null ? Result.Of<IHostFiles>(files) : Result.Fail(Errno.EINVAL, $"{folder} is no recorded board: {failure}.");
    }

    // The board's own links lead through its platform's folders; here they are as sysfs prints them.
    private static string? AddFunctions(HostSnapshot files, string folder)
    {
        int number = 0;
        foreach (string line in Lines(folder, "pci.jsonl"))
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }

            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                AddFunction(files, document.RootElement);
            }
            catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                return $"line {number} of pci.jsonl is not a function";
            }
        }

        return null;
    }

    private static void AddFunction(HostSnapshot files, JsonElement function)
    {
        string name = function.GetProperty("name").GetString()!;
        string path = function.GetProperty("path").GetString()!;
        if (!PciAddress.TryParse(name, out _) || !path.StartsWith("../../../devices/", StringComparison.Ordinal) || path["../../../".Length..].Contains("..", StringComparison.Ordinal))
        {
            throw new FormatException();
        }

        string place = "/sys/" + path["../../../".Length..];
        files.AddLink($"{HostPaths.PciDevices}/{name}", path);
        files.AddFile(place + "/config", Convert.FromHexString(function.GetProperty("config").GetString()!));
        files.AddFile(place + "/resource", Encoding.ASCII.GetBytes(string.Join('\n', function.GetProperty("resource").EnumerateArray().Select(static line => line.GetString())) + "\n"));
        foreach (string file in new[] { "vendor", "device", "class", "reset_method", "numa_node" })
        {
            if (function.TryGetProperty(file, out JsonElement value))
            {
                files.AddFile($"{place}/{file}", Encoding.ASCII.GetBytes(value.GetString() + "\n"));
            }
        }

        if (function.TryGetProperty("link_driver", out JsonElement driver))
        {
            files.AddLink(place + "/driver", driver.GetString()!);
        }

        if (function.TryGetProperty("iommu_group", out JsonElement group) && group.GetInt32() >= 0)
        {
            files.AddLink(place + "/iommu_group", string.Create(CultureInfo.InvariantCulture, $"{HostPaths.IommuGroups}/{group.GetInt32()}"));
        }
    }

    // "group 7 type=DMA name=", then its devices and, a line each, its reserved regions.
    private static void AddGroups(HostSnapshot files, string folder)
    {
        if (!Exists(folder, "iommu_groups.txt"))
        {
            return;
        }

        files.AddDirectory(HostPaths.IommuGroups);
        string? group = null;
        var regions = new StringBuilder();
        foreach (string line in Lines(folder, "iommu_groups.txt"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["group", { } number, { } type, .. { } named]:
                    group = $"{HostPaths.IommuGroups}/{number}";
                    regions.Clear();
                    files.AddFile(group + "/type", Encoding.ASCII.GetBytes(type[(type.IndexOf('=', StringComparison.Ordinal) + 1)..] + "\n"));
                    files.AddFile(group + "/name", Encoding.ASCII.GetBytes(string.Concat(named).Replace("name=", "", StringComparison.Ordinal) + "\n"));
                    files.AddFile(group + "/reserved_regions", []);
                    files.AddDirectory(group + "/devices");
                    break;
                case ["devices:", .. { } devices] when group is not null:
                    foreach (string device in devices)
                    {
                        files.AddLink($"{group}/devices/{device}", $"{HostPaths.PciDevices}/{device}");
                    }

                    break;
                case ["resv:", { } first, { } last, { } kind] when group is not null:
                    regions.Append(CultureInfo.InvariantCulture, $"{first} {last} {kind}\n");
                    files.AddFile(group + "/reserved_regions", Encoding.ASCII.GetBytes(regions.ToString()));
                    break;
            }
        }
    }

    // "/sys/class/iommu/NAME -> TARGET"
    private static void AddIommus(HostSnapshot files, string folder)
    {
        if (!Exists(folder, "iommus.txt"))
        {
            return;
        }

        files.AddDirectory(HostPaths.Iommus);
        foreach (string line in Lines(folder, "iommus.txt"))
        {
            if (line.Split(" -> ") is [{ } link, { } target] && link.StartsWith(HostPaths.Iommus + "/", StringComparison.Ordinal))
            {
                files.AddLink(link, target);
            }
        }
    }

    // "== NAME", then the file's text.
    private static void AddIrqDomains(HostSnapshot files, string folder)
    {
        if (!Exists(folder, "irq-domains.txt"))
        {
            return;
        }

        files.AddDirectory(HostPaths.IrqDomains);
        string? name = null;
        var text = new StringBuilder();
        foreach (string line in Lines(folder, "irq-domains.txt").Append("== "))
        {
            if (!line.StartsWith("== ", StringComparison.Ordinal))
            {
                text.Append(line).Append('\n');
                continue;
            }

            if (name is { Length: > 0 } && !name.Contains('/', StringComparison.Ordinal))
            {
                files.AddFile($"{HostPaths.IrqDomains}/{name}", Encoding.UTF8.GetBytes(text.ToString()));
            }

            name = line[3..];
            text.Clear();
        }
    }

    // The kernel's log has its version and its command line.
    private static void AddLog(HostSnapshot files, string folder)
    {
        if (!Exists(folder, "dmesg.txt"))
        {
            return;
        }

        const string Kernel = "Linux version ", Command = "Kernel command line: ";
        foreach (string line in Lines(folder, "dmesg.txt").Take(200))
        {
            int bracket = line.IndexOf("] ", StringComparison.Ordinal);
            string text = bracket < 0 ? line : line[(bracket + 2)..];
            if (text.StartsWith(Kernel, StringComparison.Ordinal) && files.StatusOf(HostPaths.Version) == HostFileStatus.Missing)
            {
                files.AddFile(HostPaths.Version, Encoding.UTF8.GetBytes(text + "\n"));
            }
            else if (text.StartsWith(Command, StringComparison.Ordinal) && files.StatusOf(HostPaths.CommandLine) == HostFileStatus.Missing)
            {
                files.AddFile(HostPaths.CommandLine, Encoding.UTF8.GetBytes(text[Command.Length..] + "\n"));
            }
        }
    }

    private static void AddText(HostSnapshot files, string folder, string name, string path, bool isPacked = false)
    {
        string file = Path.Combine(folder, name + (isPacked ? ".gz" : ""));
        if (isPacked ? File.Exists(file) && new FileInfo(file).Length is > 0 and < MostBytes : Exists(folder, name))
        {
            files.AddFile(path, isPacked ? File.ReadAllBytes(file) : Bytes(folder, name));
        }
    }

    private static bool Exists(string folder, string name) => File.Exists(Path.Combine(folder, name)) || File.Exists(Path.Combine(folder, name + ".gz"));

    private static string[] Lines(string folder, string name) => Encoding.UTF8.GetString(Bytes(folder, name)).TrimEnd('\n').Split('\n');

    private static byte[] Bytes(string folder, string name)
    {
        string file = Path.Combine(folder, name);
        using Stream stored = File.OpenRead(File.Exists(file) ? file : file + ".gz");
        using Stream stream = File.Exists(file) ? stored : new GZipStream(stored, CompressionMode.Decompress);
        using var limited = new LimitedStream(stream, MostBytes);
        using var bytes = new MemoryStream();
        limited.CopyTo(bytes);
        return limited.IsOver ? throw new InvalidDataException($"{name} is larger than {MostBytes} bytes") : bytes.ToArray();
    }
}
