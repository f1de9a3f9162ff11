using Doorbell.Checks.Errata;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Vfio;

namespace Doorbell.Checks;

/// <summary>I9: reserved regions of the function's group, what they keep from the user, and those with which no user gets the device.</summary>
internal sealed class ReservedRules(HostFacts facts, KernelView kernel)
{
    private const int MostNamed = 3;
    private const int MostEvidence = 8;

    // iommu: Prevent RESV_DIRECT devices from blocking domains.
    private static readonly KernelVersion EveryIommuRefuses = new(6, 6);

    /// <summary>The regions: the kernel's, else the description's; null where neither says.</summary>
    public IReadOnlyList<ReservedRegion>? Find(HostFunction function, HostGroup? group, FirmwarePath? path)
    {
        if (group?.ReservedRegions is { } told)
        {
            return told;
        }

        if (facts.IsRunning || path is not { IsKnown: true, Iommu: { } iommu })
        {
            return null;
        }

        // Firmware alone: what the architecture reserves, and what the tables ask for.
        IEnumerable<ReservedRegion> regions = iommu.ReservedRegions ?? iommu.Model switch
        {
            SmmuModel.SmmuV2 or SmmuModel.SmmuV3 => [ReservedRegion.DefaultSoftwareMsi],
            SmmuModel.VtD => [IommuModel.VtD.HardwareMsi!.Value],
            _ => [IommuModel.AmdVi.HardwareMsi!.Value, new ReservedRegion(new Iova(0xfd_0000_0000), 0x3_0000_0000, ReservedRegionType.Reserved)],
        };
        if (path.Controller?.Doorbell is { } doorbell && ErrataList.For(iommu).Any(static erratum => erratum.Effect == ErratumEffect.HardwareMsi))
        {
            regions = [.. regions.Where(static region => region.Type != ReservedRegionType.SoftwareMsi), Erratum.RegionOf(doorbell)];
        }

        return ReservedRegion.Merge(regions.Concat(Asked(function, iommu).Select(static memory => memory.Region)));
    }

    /// <summary>What a user may map.</summary>
    public static IReadOnlyList<IovaRange> Usable(IReadOnlyList<ReservedRegion> regions, int? inputBits) => UsableRanges.Compute(
        new Iova(inputBits is > 0 and < 64 ? (1UL << inputBits.Value) - 1 : ulong.MaxValue),
        regions.Where(static region => region.Type != ReservedRegionType.DirectRelaxable && region.Size > 0));

    /// <summary>Adds what the regions say.</summary>
    public void Judge(HostFunction function, HostGroup? group, FirmwarePath? path, IReadOnlyList<ReservedRegion>? regions, List<CheckReason> reasons)
    {
        if (regions is null)
        {
            if (group is not null)
            {
                Evidence file = new($"{group.Evidence.File}/reserved_regions");
                reasons.Add(new CheckReason(ReasonKinds.ReservedRegionsUnknown, "its group's reserved regions are not known", $"The reserved regions of group {group.Number} of {function.Address} were not read.", [file], $"cat {file.File}", []));
            }

            return;
        }

        if (group?.ReservedRegions is null && facts.Firmware?.ReservedMemory.FirstOrDefault(memory => !memory.FunctionsAreKnown && !memory.Functions.Contains(function.Address)) is { } vague)
        {
            reasons.Add(new CheckReason(
                ReasonKinds.ReservedRegionsUnknown,
                $"whose firmware's {Range(vague.Region)} is, is not known",
                $"Firmware demands that {Range(vague.Region)} stays mapped for a function it names by a way over bridges; whether that is {function.Address} is not known.",
                [vague.Evidence],
                "Run the check on the host itself, where the kernel says which group has it",
                []));
        }

        Direct(function, group, path, [.. regions.Where(static region => region.Type == ReservedRegionType.Direct)], reasons);
        Relaxable(function, group, path, [.. regions.Where(static region => region.Type == ReservedRegionType.DirectRelaxable)], reasons);
    }

    // One reason for all of a kind: a group can have many, and every function of it has them all.
    private void Direct(HostFunction function, HostGroup? group, FirmwarePath? path, List<ReservedRegion> regions, List<CheckReason> reasons)
    {
        bool isVtd = path?.Iommu is { Model: SmmuModel.VtD } || (facts.Kernel.Iommus?.Any(static name => name.StartsWith("dmar", StringComparison.Ordinal)) ?? false);
        if (regions.Count == 0 || (!isVtd && kernel.Version < EveryIommuRefuses))
        {
            return;
        }

        string where = group is null ? "" : $" (group {group.Number})";
        reasons.Add(new CheckReason(
            ReasonKinds.DirectRegion,
            $"firmware demands {Named(regions)} mapped for it",
            $"Firmware demands that {Named(regions)} {(regions.Count == 1 ? "stays" : "stay")} mapped one to one for {function.Address}{where}, and a user's domain would not: the kernel refuses to attach it.",
            EvidenceOf(function, group, path, regions),
            "Look for a firmware update, or a setting in its setup (management controllers and RAID controllers ask for such memory), that takes the region away",
            []));
    }

    private void Relaxable(HostFunction function, HostGroup? group, FirmwarePath? path, List<ReservedRegion> regions, List<CheckReason> reasons)
    {
        if (regions.Count == 0)
        {
            return;
        }

        (string are, string ranges) = regions.Count == 1 ? ("is", "the range is an ordinary one") : ("are", "the ranges are ordinary ones");
        reasons.Add(new CheckReason(
            ReasonKinds.DirectRelaxableRegion,
            $"firmware's {Named(regions)} {are} given up",
            $"Firmware wants {Named(regions)} mapped one to one for {function.Address} while the host has it; assigned, {ranges}.",
            EvidenceOf(function, group, path, regions),
            "",
            []));
    }

    private List<Evidence> EvidenceOf(HostFunction function, HostGroup? group, FirmwarePath? path, List<ReservedRegion> regions)
    {
        List<Evidence> evidence = group?.ReservedRegions is null ? [] : [facts.IsRunning ? new Evidence($"{group.Evidence.File}/reserved_regions") : group.Evidence];
        HashSet<Iova> named = [.. regions.Take(MostNamed).Select(static region => region.Base)];
        evidence.AddRange(Asked(function, path?.Iommu).Where(memory => named.Contains(memory.Region.Base)).Take(MostEvidence).Select(static memory => memory.Evidence));
        return evidence;
    }

    // VT-d lets go of the regions of graphics and USB devices (Linux, device_rmrr_is_relaxable).
    private IEnumerable<FirmwareReservedMemory> Asked(HostFunction function, FirmwareIommu? iommu)
    {
        bool isLetGo = iommu is { Model: SmmuModel.VtD } && (function.ClassCode >> 16 == 0x03 || function.ClassCode >> 8 == 0x0c03);
        foreach (FirmwareReservedMemory memory in facts.Firmware?.ReservedMemory ?? [])
        {
            bool isFor = memory.Functions.Count > 0 ? memory.Functions.Contains(function.Address) : memory.Iommu is null || memory.Iommu == iommu?.Name;
            if (isFor)
            {
                yield return (isLetGo || memory.IsRelaxable) && memory.Region.Type == ReservedRegionType.Direct
                    ? memory with { Region = memory.Region with { Type = ReservedRegionType.DirectRelaxable } }
                    : memory;
            }
        }
    }

    private static string Named(List<ReservedRegion> regions)
    {
        string list = string.Join(", ", regions.Take(MostNamed).Select(Range));
        return regions.Count > MostNamed ? $"{list} and {regions.Count - MostNamed} more" : list;
    }

    private static string Range(ReservedRegion region) => $"{region.Base}-{region.Last}";
}
