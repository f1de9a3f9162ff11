using System.Text.Json;
using Doorbell.Devices;

namespace Doorbell.Tests.Devices;

/// <summary>The 18 functions of a QEMU virt board (GICv3 ITS, SMMUv3) as Linux 7.3 showed them, with the groups it made.</summary>
internal static class VirtCapture
{
    public static string Text => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Devices", "Fixtures", "virt.pci.jsonl"));

    public static IReadOnlyList<CapturedAt> Functions
    {
        get
        {
            Result<IReadOnlyList<CapturedAt>> functions = PciCapture.Read("virt.pci.jsonl", Text);
            Assert.True(functions.IsOk, functions.Reason);
            return functions.Value;
        }
    }

    /// <summary>Linux's group numbers, by address; -1 for none.</summary>
    public static IReadOnlyDictionary<string, int> Groups => Text
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => JsonDocument.Parse(line).RootElement)
        .ToDictionary(static line => line.GetProperty("name").GetString()!, static line => line.GetProperty("iommu_group").GetInt32());

    public static CapturedAt Find(string address) => Functions.Single(function => function.Address.ToString() == address);
}
