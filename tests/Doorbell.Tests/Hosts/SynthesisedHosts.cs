using System.Globalization;
using System.Text;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;

namespace Doorbell.Tests.Hosts;

/// <summary>
/// Hosts made of the recorded boards, as many as are wanted, each by its seed: functions gone or there several times, in groups of their own or of others, other
/// drivers, windows, firmware's ranges and parameters, configuration spaces with a bit flipped, files missing.
/// </summary>
internal sealed class SynthesisedHosts
{
    private const int MostClones = 24;

    private static readonly string[] Drivers = ["vfio-pci", "nvme", "igb", "e1000e", "pcieport"];
    private static readonly string[] CommandLines = ["console=ttyAMA0\n", "iommu.passthrough=1\n", "iommu=off\n", "vfio_iommu_type1.allow_unsafe_interrupts=1\n", "arm-smmu.disable_bypass=0 nokaslr\n"];

    // A file that is missing, whole or everything below it.
    private static readonly string[] Dispensable =
    [
        HostPaths.IrqDomains, HostPaths.PackedConfiguration, HostPaths.IoMemory, HostPaths.DeviceTree, HostPaths.AcpiTables, HostPaths.CommandLine, HostPaths.Iommus, HostPaths.IommuGroups, HostPaths.Release,
    ];

    private readonly List<(HostInventoryItem Item, byte[]? Content, string? Link)>[] _boards;

    /// <param name="folders">Folders of recorded boards.</param>
    public SynthesisedHosts(IEnumerable<string> folders) => _boards = [.. folders.Select(static folder => Read(HostSource.Open(folder).Value))];

    /// <summary>The host of a seed: the same every time.</summary>
    public HostSnapshot Make(int seed)
    {
        var random = new Random(seed);
        List<(HostInventoryItem Item, byte[]? Content, string? Link)> board = _boards[random.Next(_boards.Length)];
        List<string> functions = [.. board.Where(static entry => entry.Item.Path.StartsWith(HostPaths.PciDevices + "/", StringComparison.Ordinal)).Select(static entry => NameOf(entry.Item.Path))];
        HashSet<string> gone = [.. functions.Where(_ => random.Next(8) == 0)], missing = [.. Dispensable.Where(_ => random.Next(12) == 0)];
        Dictionary<string, string> clones = Clones(random, functions);
        string window = Window(random), firmware = random.Next(4) == 0 ? $"0x{(ulong)random.Next(1, 64) << 24:x16} 0x{((ulong)random.Next(64, 65) << 24) - 1:x16} direct\n" : "";
        var host = new HostSnapshot($"host-{seed:d5}");
        foreach ((HostInventoryItem item, byte[]? content, string? link) in board)
        {
            if (missing.Any(path => item.Path == path || item.Path.StartsWith(path + "/", StringComparison.Ordinal)))
            {
                continue;
            }

            string? owner = functions.Find(function => item.Path.EndsWith("/" + function, StringComparison.Ordinal) || item.Path.Contains($"/{function}/", StringComparison.Ordinal) && OwnerOf(item.Path) == function);
            if (owner is not null && gone.Contains(owner))
            {
                continue;
            }

            Add(host, random, item.Kind, item.Path, content, link, window, firmware);
            foreach ((string clone, string original) in clones)
            {
                if (original == owner)
                {
                    Add(host, random, item.Kind, Renamed(item.Path, owner, clone), content, link is null ? null : Renamed(link, owner, clone), window, firmware);
                }
            }
        }

        if (random.Next(3) == 0)
        {
            TestFile(host, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", random.Next(2) == 0 ? "Y\n" : "N\n");
        }

        if (random.Next(2) == 0)
        {
            TestFile(host, HostPaths.CommandLine, CommandLines[random.Next(CommandLines.Length)]);
        }

        return host;
    }

    /// <summary>The capture of a seed's host.</summary>
    public byte[] Capture(int seed, bool compress = true)
    {
        using var output = new MemoryStream();
        Result<HostCaptureSummary> written = HostCapture.Write(Make(seed), output, compress);
        return written.IsOk ? output.ToArray() : throw new InvalidOperationException(written.Reason);
    }

    private static void Add(HostSnapshot host, Random random, HostInventoryKind kind, string path, byte[]? content, string? link, string window, string firmware)
    {
        switch (kind)
        {
            case HostInventoryKind.Directory:
                host.AddDirectory(path);
                break;
            case HostInventoryKind.Link when path.EndsWith("/driver", StringComparison.Ordinal) && random.Next(4) == 0:
                if (random.Next(3) > 0)
                {
                    host.AddLink(path, link![..(link!.LastIndexOf('/') + 1)] + Drivers[random.Next(Drivers.Length)]);
                }

                break;
            case HostInventoryKind.Link:
                host.AddLink(path, link!);
                break;
            case HostInventoryKind.File when path.EndsWith("/reserved_regions", StringComparison.Ordinal):
                TestFile(host, path, Encoding.UTF8.GetString(content!).Replace("0x0000000008000000 0x00000000080fffff", window, StringComparison.Ordinal) + firmware);
                break;
            case HostInventoryKind.File when path.EndsWith("/config", StringComparison.Ordinal) && content!.Length > 64 && random.Next(8) == 0:
                byte[] flipped = [.. content];
                flipped[random.Next(64, flipped.Length)] ^= (byte)(1 << random.Next(8));
                host.AddFile(path, flipped);
                break;
            default:
                host.AddFile(path, content!);
                break;
        }
    }

    private static string Window(Random random)
    {
        ulong start = random.Next(4) == 0 ? (ulong)random.Next(1, 0x1000) << 20 : 0x800_0000;
        return string.Create(CultureInfo.InvariantCulture, $"0x{start:x16} 0x{start + 0xf_ffff:x16}");
    }

    // New functions of a device that is there: beside it, in numbers nobody has.
    private static Dictionary<string, string> Clones(Random random, List<string> functions)
    {
        Dictionary<string, string> clones = [];
        for (int i = random.Next(MostClones); i > 0 && functions.Count > 0; i--)
        {
            string original = functions[random.Next(functions.Count)];
            string clone = $"{original[..8]}{random.Next(16, 32):x2}.{random.Next(8)}";
            if (!functions.Contains(clone))
            {
                clones.TryAdd(clone, original);
            }
        }

        return clones;
    }

    private static List<(HostInventoryItem Item, byte[]? Content, string? Link)> Read(IHostFiles files)
    {
        List<(HostInventoryItem, byte[]?, string?)> entries = [];
        foreach (HostInventoryItem item in HostInventory.Of(files))
        {
            switch (item.Kind)
            {
                case HostInventoryKind.Directory when files.StatusOf(item.Path) == HostFileStatus.Read:
                    entries.Add((item, null, null));
                    break;
                case HostInventoryKind.Link when files.ReadLink(item.Path) is { } target:
                    entries.Add((item, null, target));
                    break;
                case HostInventoryKind.File when files.TryRead(item.Path, out byte[] content) == HostFileStatus.Read:
                    entries.Add((item, content, null));
                    break;
            }
        }

        return entries;
    }

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    // The last function a path leads through; those before it are bridges.
    private static string? OwnerOf(string path)
    {
        foreach (string part in path.Split('/').Reverse())
        {
            if (PciAddress.TryParse(part, out _) && part.Length == 12)
            {
                return part;
            }
        }

        return null;
    }

    private static string Renamed(string path, string from, string to)
    {
        int at = path.LastIndexOf(from, StringComparison.Ordinal);
        return at < 0 ? path : path[..at] + to + path[(at + from.Length)..];
    }

    private static void TestFile(HostSnapshot host, string path, string text) => host.AddFile(path, Encoding.UTF8.GetBytes(text));
}
