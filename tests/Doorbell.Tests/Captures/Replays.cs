using System.Collections.Concurrent;
using Doorbell.Cli.Compare;
using Doorbell.Tests.Captures.Suites;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures;

/// <summary>Which captures are replayed. A suite more is a line here and a class in Suites.</summary>
internal static class Replays
{
    private const string Its = "virt-gicv3-its-smmuv3";
    private const string V2m = "virt-gicv2m-smmuv3";

    private const string HostDrivers = "There are no host drivers here: a device is a client's or nobody's, so there is no DMA-API domain whose doorbell (IOVA 0xfffff000) could be compared.";

    private static readonly ConcurrentDictionary<string, Lazy<SuiteResult>> Results = new();

    public static IReadOnlyList<Suite> All { get; } =
    [
        new($"{Its}/type1", static board => Type1Suite.Replay(board, VfioIommuType.Type1v2)),
        new($"{Its}/type1v1", static board => Type1Suite.Replay(board, VfioIommuType.Type1)),
        new($"{Its}/msi", MsiSuite.Replay),
        new($"{Its}-acpi/msi", static board => MsiSuite.Replay(board.Leak("0000:00:01.0").Remember("0000:00:02.0").Remember("0000:00:03.0", VfioIrqIndex.Msi))),
        new($"{Its}-debian16k/msi", static board => MsiSuite.Replay(board.Remember("0000:00:01.0"))),
        new($"{V2m}/msi", MsiSuite.Replay) { AllowUnsafe = true },
        new($"{Its}/device", static board => DeviceSuite.Replay(board.Remember("0000:00:01.0").Remember("0000:00:02.0").Remember("0000:00:03.0", VfioIrqIndex.Msi).Remember("0000:00:04.0").Remember("0000:00:08.0", VfioIrqIndex.Msi))),
        new($"{Its}-acpi/refuse", static board => RefuseSuite.ReplayTwice(board, static again => again.Leak("0000:00:01.0"))),
        new($"{Its}-debian16k/refuse", static board => RefuseSuite.ReplayTwice(board)),
        new($"{V2m}/refuse", static board => RefuseSuite.ReplayTwice(board)),
        new($"{Its}/iommufd", static board => IommufdSuite.Replay(Remembering(board))),
        new($"{Its}-acpi/iommufd-refused", static board => IommufdSuite.Replay(board.Remember("0000:00:01.0"), leaks: true)),
        new($"{Its}-acpi/iommufd", static board => IommufdSuite.Replay(Remembering(board).Leak("0000:00:01.0"), leaks: true)),
        new($"{V2m}/iommufd-refused", IommufdSuite.ReplayRefused),
        new($"{V2m}/iommufd", static board => IommufdSuite.Replay(board, leaks: true)) { AllowUnsafe = true },
        new($"{Its}/group-alias-refused-device", static board => GroupSuite.Replay(board, "0000:03:02.0")),
        new($"{Its}/group-behind-pci-bridge", static board => GroupSuite.Replay(board.Bind("0000:03:01.0"), "0000:03:01.0")),
        new($"{Its}/group-below-port-without-acs", static board => GroupSuite.Replay(board.Bind("0000:04:00.0"), "0000:04:00.0")),
        new($"{Its}/group-no-vfio-driver", static board => GroupSuite.Replay(board, "0000:00:09.0")),
        new($"{Its}/group-not-viable-e1000-has-host-driver", static board => GroupSuite.Replay(board.Bind("0000:00:09.0").Bind("0000:00:09.2", "e1000"), "0000:00:09.0", "0000:00:09.1")),
        new($"{Its}/group-one-of-two-bound-other-driverless", static board => GroupSuite.Replay(board.Bind("0000:00:09.0"), "0000:00:09.0", "0000:00:09.1")),
        new($"{Its}/group-both-bound", static board => GroupSuite.Replay(board.Bind("0000:00:09.0").Bind("0000:00:09.1").Remember("0000:00:09.0", VfioIrqIndex.Msi), "0000:00:09.0", "0000:00:09.1")),
        new("virt-gicv3-its-noiommu/noiommu", static board => NoIommuSuite.Replay(board, "0000:00:01.0", beforeToo: true)),
        new("virt-gicv3-its-noiommu/noiommu-edu", static board => NoIommuSuite.Replay(board, "0000:00:03.0", beforeToo: false)),
    ];

    /// <summary>Captures that are not replayed, and why.</summary>
    public static IReadOnlyDictionary<string, string> Missing { get; } = new Dictionary<string, string>
    {
        [$"{Its}/host-drivers"] = HostDrivers,
        [$"{Its}-acpi/host-drivers"] = HostDrivers,
        [$"{Its}-debian16k/host-drivers"] = HostDrivers,
        [$"{V2m}/host-drivers"] = HostDrivers,
        ["virt-gicv3-its-noiommu/host-drivers"] = HostDrivers,
    };

    // The suites before it had the devices of iommufd's armed.
    private static CaptureBoard Remembering(CaptureBoard board) => board.Remember("0000:00:01.0").Remember("0000:00:02.0").Remember("0000:00:03.0", VfioIrqIndex.Msi);

    /// <summary>A suite's result; each is replayed once a test run.</summary>
    public static SuiteResult ResultOf(string name) => Results.GetOrAdd(name, static key => new Lazy<SuiteResult>(() =>
    {
        Suite suite = All.Single(candidate => candidate.Name == key);
        return Replayed.Judge(key, CaptureFiles.Read(key), suite.Run());
    })).Value;
}
