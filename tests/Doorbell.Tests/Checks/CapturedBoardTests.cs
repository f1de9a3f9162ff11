using System.Globalization;
using System.Text.Json.Nodes;
using Doorbell.Checks;
using Doorbell.Cli.Check;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;
using Doorbell.Tests.Captures;

namespace Doorbell.Tests.Checks;

/// <summary>What is said of a board that was captured is what its kernel then did: the records of that very board.</summary>
public class CapturedBoardTests
{
    private static readonly PciAddress s_igb = new(0, 0, 1, 0);

    [Theory]
    [InlineData("virt-gicv2m-smmuv3")]
    [InlineData("virt-gicv3-its-smmuv3-acpi")]
    [InlineData("virt-gicv3-its-smmuv3-debian16k")]
    public void V3_Allowed_or_EPERM_with_and_without_unsafe_interrupts_as_recorded(string board)
    {
        foreach (bool isAllowed in new[] { false, true })
        {
            FunctionCheck check = Judge(board, new CheckOptions { Devices = [s_igb], AllowUnsafeInterrupts = isAllowed });
            JsonObject set = Assert.Single(CaptureFiles.Read($"{board}/refuse"), record => Text(record, "suite") == (isAllowed ? "unsafe_interrupts_Y" : "unsafe_interrupts_N") && Text(record, "name") == "set_iommu.type1v2");
            bool isRefused = (int)set["ret"]! != 0;
            Assert.Equal(isRefused ? 1 : null, (int?)set["errno"]);
            Assert.Equal(isRefused, check.Reasons.Any(reason => reason.Kind == ReasonKinds.MsiNotIsolated));

            // That board's kernel configuration is not among its files: whether it has VFIO is the one thing left open.
            CheckVerdict expected = isRefused ? CheckVerdict.NotAssignable : board.EndsWith("debian16k", StringComparison.Ordinal) ? CheckVerdict.Unknown : CheckVerdict.Assignable;
            Assert.Equal(expected, check.Verdict);
            Assert.All(check.Reasons.Where(reason => reason.Kind.Severity == CheckSeverity.Unknown), reason => Assert.Equal("kernel-configuration-unknown", reason.Kind.Id));
        }
    }

    [Theory]
    [InlineData("virt-gicv3-its-smmuv3", "type1", "info.fresh")]
    [InlineData("virt-gicv2m-smmuv3", "refuse", "info")]
    [InlineData("virt-gicv3-its-smmuv3-acpi", "refuse", "info")]
    [InlineData("virt-gicv3-its-smmuv3-debian16k", "refuse", "info")]
    public void I9_The_ranges_a_user_may_map_are_those_the_container_reported(string board, string suite, string name)
    {
        FunctionCheck check = Judge(board, new CheckOptions { Devices = [s_igb] });
        JsonObject info = CaptureFiles.Read($"{board}/{suite}").First(record => Text(record, "name") == name && record["caps"] is not null);
        JsonNode ranges = info["caps"]!.AsArray().First(cap => Text(cap!.AsObject(), "cap") == "iova_range")!["ranges"]!;
        List<(ulong First, ulong Last)> recorded = [.. ranges.AsArray().Select(range => (Hex(range!["start"]!), Hex(range["end"]!)))];
        List<(ulong First, ulong Last)> said = [.. check.UsableRanges!.Select(range => (range.First.Value, range.Last.Value))];
        Assert.Equal(recorded.Count, said.Count);
        Assert.Equal(recorded[..^1], said[..^1]);

        // No file of the host says where the SMMU's addresses end, and the check does not say so either.
        Assert.Equal(recorded[^1].First, said[^1].First);
        Assert.False(check.IsApertureKnown);
    }

    [Theory]
    [InlineData("virt-gicv3-its-smmuv3")]
    [InlineData("virt-gicv2m-smmuv3")]
    [InlineData("virt-gicv3-its-smmuv3-acpi")]
    public void M4_The_doorbell_and_its_place_in_the_window_are_those_the_kernel_mapped(string board)
    {
        MsiPath path = Judge(board, new CheckOptions { Devices = [s_igb] }).Path;
        string trace = CaptureFiles.Read($"{board}/msi").First(record => Text(record, "name") == "A.igb0.arm_vec0")["trace"]!.ToJsonString();
        Assert.Contains($"addr=0x{path.Doorbell:x}", trace, StringComparison.Ordinal);
        Assert.Contains($"iova=0x{path.Window!.Value.Base.Value:x} pa=0x{path.Doorbell & ~(path.PageSize - 1):x} size=0x{path.PageSize:x}", trace, StringComparison.Ordinal);
        Assert.Equal((true, (int?)1), (path.IsTranslated!.Value, path.Pages));
    }

    [Theory]
    [InlineData("group-both-bound", "0000:00:09.0", null)]
    [InlineData("group-one-of-two-bound-other-driverless", "0000:00:09.0", null)]
    [InlineData("group-not-viable-e1000-has-host-driver", "0000:00:09.0", "0000:00:09.2")]
    [InlineData("group-behind-pci-bridge", "0000:03:01.0", null)]
    [InlineData("group-below-port-without-acs", "0000:04:00.0", null)]
    public void V4_A_group_is_handed_over_or_not_viable_as_recorded(string suite, string device, string? onHostDriver)
    {
        Assert.True(PciAddress.TryParse(device, out PciAddress address));
        HostFacts facts = Read("virt-gicv3-its-smmuv3");
        if (PciAddress.TryParse(onHostDriver, out PciAddress held))
        {
            facts = facts with { Functions = [.. facts.Functions.Select(function => function.Address == held ? function with { Driver = "e1000" } : function)] };
        }

        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions { Devices = [address] }).Functions);
        JsonObject set = CaptureFiles.Read($"virt-gicv3-its-smmuv3/{suite}").First(record => Text(record, "call") == "VFIO_GROUP_SET_CONTAINER");
        Assert.Equal((int)set["ret"]! == 0 ? CheckVerdict.Assignable : CheckVerdict.NotAssignable, check.Verdict);
        Assert.Equal(onHostDriver is not null, check.Reasons.Any(reason => reason.Kind == ReasonKinds.GroupNotViable));
    }

    [Fact]
    public void V4_The_alias_behind_a_PCI_bridge_has_no_group_and_its_probe_failed()
    {
        FunctionCheck check = Judge("virt-gicv3-its-smmuv3", new CheckOptions { Devices = [new PciAddress(0, 3, 2, 0)] });
        Assert.Equal((CheckVerdict.NotAssignable, "no-group"), (check.Verdict, check.Decisive!.Kind.Id));
        Assert.DoesNotContain(CaptureFiles.Read("virt-gicv3-its-smmuv3/group-alias-refused-device"), record => Text(record, "call") == "VFIO_SET_IOMMU" && (int?)record["ret"] == 0);
    }

    [Fact]
    public void Without_an_IOMMU_nothing_is_assignable_and_type1_was_refused()
    {
        CheckReport report = PassthroughCheck.Judge(Read("virt-gicv3-its-noiommu"), new CheckOptions());
        Assert.All(report.Functions, check => Assert.Equal((CheckVerdict.NotAssignable, "no-iommu"), (check.Verdict, check.Decisive!.Kind.Id)));
        Assert.DoesNotContain(CaptureFiles.Read("virt-gicv3-its-noiommu/noiommu"), record => Text(record, "name") is "set_iommu.type1" or "set_iommu.type1v2" && (int?)record["ret"] == 0);
    }

    private static FunctionCheck Judge(string board, CheckOptions options) => Assert.Single(PassthroughCheck.Judge(Read(board), options).Functions);

    private static HostFacts Read(string board)
    {
        Result<IHostFiles> files = HostSource.Open(Path.Combine(AppContext.BaseDirectory, "Captures", "data", board));
        Assert.True(files.IsOk, files.Reason);
        return CheckSource.ReadHost(files.Value);
    }

    private static string? Text(JsonObject record, string field) => (string?)record[field];

    private static ulong Hex(JsonNode number) => ulong.Parse(((string)number!).AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
