using System.Globalization;
using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Cli.Check;

/// <summary>What verdicts and parts of a path are called, in every format alike.</summary>
internal static class CheckWords
{
    public static string Of(CheckVerdict verdict) => verdict switch
    {
        CheckVerdict.Assignable => "assignable",
        CheckVerdict.NotAssignable => "not assignable",
        _ => "not known",
    };

    public static string Of(FunctionCheck check) => check.IsUnsafe ? "assignable, UNSAFE" : Of(check.Verdict);

    /// <summary>For programs.</summary>
    public static string Key(CheckVerdict verdict) => verdict switch
    {
        CheckVerdict.Assignable => "assignable",
        CheckVerdict.NotAssignable => "not-assignable",
        _ => "unknown",
    };

    public static string Key(CheckSeverity severity) => severity switch
    {
        CheckSeverity.Blocks => "blocks",
        CheckSeverity.Unknown => "unknown",
        CheckSeverity.Unsafe => "unsafe",
        _ => "note",
    };

    public static string Of(MachineArchitecture? architecture) => architecture switch
    {
        MachineArchitecture.Arm64 => "arm64",
        MachineArchitecture.X86 => "x86-64",
        _ => "instruction set not known",
    };

    public static string Key(ReservedRegionType type) => type switch
    {
        ReservedRegionType.Direct => "direct",
        ReservedRegionType.DirectRelaxable => "direct-relaxable",
        ReservedRegionType.Reserved => "reserved",
        ReservedRegionType.Msi => "msi",
        _ => "sw-msi",
    };

    public static string Range(ReservedRegion region) => $"{region.Base}-{region.Last}";

    /// <summary>Ranges a user may map; the last is open where its end is not known.</summary>
    public static string Ranges(FunctionCheck check)
    {
        if (check.UsableRanges is not { } ranges)
        {
            return "not known";
        }

        return string.Join(", ", ranges.Select((range, index) => index == ranges.Count - 1 && !check.IsApertureKnown
            ? $"{range.First} and up, as far as the IOMMU translates (VFIO_IOMMU_GET_INFO says how far)"
            : $"{range.First}-{range.Last}"));
    }

    public static string Vectors(FunctionCheck check) => (check.MsiXVectors, check.MsiVectors) switch
    {
        (null, null) => "not known",
        (0, 0) => "none, INTx only",
        (int x, 0) => $"MSI-X {x}",
        (0, int msi) => $"MSI {msi}",
        (int x, int msi) => $"MSI-X {x}, MSI {msi}",
        (null, int msi) => $"MSI {msi}; MSI-X not known",
        (int x, null) => $"MSI-X {x}; MSI not known",
    };

    /// <summary>What a function is: its class and IDs.</summary>
    public static string Name(HostFunction function)
    {
        string? name = PciClassNames.Find(function.ClassCode);
        return function switch
        {
            { VendorId: 0, ClassCode: 0 } => "any device there",
            _ => $"{name ?? string.Create(CultureInfo.InvariantCulture, $"class {function.ClassCode >> 8:x4}")} {function.VendorId:x4}:{function.DeviceId:x4}",
        };
    }

    public static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>A way on which no IOMMU is named: there is none, or nobody could say.</summary>
    public static string NoIommu(MsiPath path) => path.IsTranslated is null ? "IOMMU not known" : "no IOMMU";

    public static string Counted(int count, string thing) => string.Create(CultureInfo.InvariantCulture, $"{count} {thing}{(count == 1 ? "" : "s")}");

    /// <summary>A host in a line: <c>virt-gicv3: arm64; smmu (SMMUv3); its (GICv3 ITS), MSIs isolated; window 0x8000000-0x80fffff</c>.</summary>
    public static IReadOnlyList<string> Host(HostSummary host)
    {
        List<string> parts = [host.KernelRelease is { } release ? $"{Of(host.Architecture)}, Linux {release}" : Of(host.Architecture)];
        parts.Add(host.Iommus switch
        {
            null => "IOMMU not known",
            [] => "no IOMMU",
            _ => Some(host.Iommus),
        });
        string isolated = host.IsIsolated switch
        {
            true => "MSIs isolated",
            false => "MSIs not isolated",
            null => "MSI isolation: see below",
        };
        parts.Add(host.Controllers.Count == 0 ? $"MSI controller not known, {isolated}" : $"{Some(host.Controllers)}, {isolated}");
        foreach (ReservedRegion window in host.Windows.Take(2))
        {
            parts.Add(window.Type == ReservedRegionType.SoftwareMsi ? $"window {Range(window)}" : $"{Range(window)} taken as MSIs by hardware");
        }

        return parts;
    }

    /// <summary>How many of each verdict, in a sentence.</summary>
    public static string Counts(CheckReport report)
    {
        int can = report.Count(CheckVerdict.Assignable), cannot = report.Count(CheckVerdict.NotAssignable), unknown = report.Count(CheckVerdict.Unknown);
        int isUnsafe = report.Functions.Count(static check => check.IsUnsafe);
        List<string> parts = [];
        if (can > 0)
        {
            parts.Add($"{can} can be assigned{(isUnsafe == 0 ? "" : isUnsafe == can ? ", UNSAFE" : $", {isUnsafe} of them UNSAFE")}");
        }

        if (cannot > 0)
        {
            parts.Add($"{cannot} cannot");
        }

        if (unknown > 0)
        {
            parts.Add(unknown == report.Functions.Count ? "it could not be told" : $"of {unknown} it could not be told");
        }

        return report.Functions.Count == 0 ? "No PCI functions to judge."
            : cannot == report.Functions.Count ? $"{Counted(cannot, "function")}: {(cannot == 1 ? "it cannot be assigned" : "none can be assigned")}."
            : $"{Counted(report.Functions.Count, "function")}: {string.Join(", ", parts)}.";
    }

    private static string Some(IReadOnlyList<string> names)
    {
        const int Most = 3;
        return names.Count <= Most ? string.Join(", ", names) : $"{string.Join(", ", names.Take(Most))} and {names.Count - Most} more";
    }
}
