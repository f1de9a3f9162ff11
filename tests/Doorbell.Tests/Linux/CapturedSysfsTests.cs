using System.Text;
using System.Text.Json.Nodes;
using Doorbell.Linux.Views;
using Doorbell.Tests.Captures;

namespace Doorbell.Tests.Linux;

/// <summary>The view of a captured board's functions against what a real Linux's sysfs said of them.</summary>
public class CapturedSysfsTests
{
    private const string Board = "virt-gicv3-its-smmuv3";

    // What the capturing client says of itself, what is compared elsewhere, and Linux's own interrupt numbers and CPUs, which differ from run to run.
    private static readonly string[] s_notCompared = ["seq", "suite", "name", "iommu_group", "path", "config", "config_size", "irq", "local_cpulist"];

    public static TheoryData<string> Functions => [.. CaptureFiles.Read($"{Board}/pci").Select(static record => (string)record["name"]!)];

    [Theory]
    [MemberData(nameof(Functions))]
    public void T10_Each_attribute_reads_as_on_the_real_Linux(string name)
    {
        JsonObject record = CaptureFiles.Read($"{Board}/pci").Single(record => (string)record["name"]! == name);
        using CaptureBoard board = new(Board);
        // At boot, when sysfs was read, vfio-pci had nothing yet, and a PCIe-to-PCI bridge is no port.
        board.Bind(name, Path.GetFileName((string?)record["link_driver"]));
        Dictionary<string, SysEntry> view = MachineView.Build(board.Machine).Entries.ToDictionary(static entry => entry.Path);
        string folder = view.Keys.Single(path => path.EndsWith($"/{name}/config", StringComparison.Ordinal))[..^"/config".Length];

        string? Read(string attribute) =>
            view.TryGetValue($"{folder}/{attribute}", out SysEntry? entry) ? Encoding.UTF8.GetString(entry.Content.Span).TrimEnd('\n') : null;

        foreach ((string attribute, JsonNode? value) in record.Where(static field => IsCompared(field.Key) && field.Value is JsonValue))
        {
            Assert.True(value!.ToString() == Read(attribute), $"{name}/{attribute}: '{Read(attribute)}', Linux said '{value}'");
        }

        Assert.Equal(record["reset_method"] is not null, view.ContainsKey($"{folder}/reset"));
        Assert.Equal(record["max_link_speed"] is not null, view.ContainsKey($"{folder}/max_link_speed"));
        Assert.Equal(Resources(record["resource"]!.AsArray().Select(static line => (string)line!)), Resources(Read("resource")!.Split('\n')));
    }

    // SR-IOV is not there: a function says neither how many virtual functions it could have nor where their BARs would be, and no bus has ARI for them.
    private static bool IsCompared(string attribute) =>
        !s_notCompared.Contains(attribute) && attribute != "ari_enabled"
        && !attribute.StartsWith("link_", StringComparison.Ordinal) && !attribute.StartsWith("sriov_", StringComparison.Ordinal);

    private static IEnumerable<string> Resources(IEnumerable<string> lines) => lines.Where(static (_, index) => index is < 7 or > 12);
}
