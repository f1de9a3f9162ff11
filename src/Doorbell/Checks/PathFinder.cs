using Doorbell.Hosts;
using Doorbell.Iommu;

namespace Doorbell.Checks;

/// <summary>The way of a function's MSIs, put together from topology, firmware and the kernel's groups.</summary>
internal sealed class PathFinder(HostFacts facts, HostTopology topology)
{
    /// <summary>What the firmware says of a function's way; null where there is no firmware, or its answer hangs on a bridge that could not be read.</summary>
    public FirmwarePath? FindFirmwarePath(HostFunction function, out RequesterId? requester, out PciAddress? alias)
    {
        requester = topology.FindRequester(function, out alias, out IReadOnlyList<RequesterId> candidates);
        if (facts.Firmware is not { } firmware)
        {
            return null;
        }

        FirmwarePath path = firmware.FindPath(function.Address, candidates[0]);
        foreach (RequesterId candidate in candidates.Skip(1))
        {
            FirmwarePath other = firmware.FindPath(function.Address, candidate);
            if (other.IsKnown != path.IsKnown || other.Iommu != path.Iommu || other.Controller != path.Controller)
            {
                return null;
            }
        }

        return path;
    }

    /// <summary>The way, for the report.</summary>
    public MsiPath Describe(HostFunction? function, FirmwarePath? path, RequesterId? requester, PciAddress? alias, IsolationAnswer isolation, IReadOnlyList<ReservedRegion>? regions, bool isGrouped)
    {
        FirmwareIommu? unit = path?.Iommu;
        string? iommu = unit?.Name ?? function?.Iommu ?? (isGrouped && facts.Kernel.Iommus is [var only] ? only : null);
        ReservedRegion? window = regions?.Where(static region => region.Type == ReservedRegionType.SoftwareMsi && region.Size > 0).Select(static region => (ReservedRegion?)region).FirstOrDefault();

        // A window is there for doorbells to be mapped in; where hardware takes MSIs, or nothing translates, there is none (I1).
        bool? isTranslated = path?.Controller is { IsInPciHost: true } ? false
            : regions is not null && (isGrouped || unit is not null) ? window is not null
            : path is { IsKnown: true, Iommu: null } ? false
            : null;
        ulong? pageSize = facts.Kernel.PageSize;
        FirmwareMsiController? controller = path?.Controller;
        return new MsiPath
        {
            Requester = requester,
            AliasOf = requester is null ? null : alias,
            Iommu = iommu,
            IommuKind = unit is not null ? Checks.Describe.Kind(unit) : iommu is null ? null : Checks.Describe.Kind(iommu),
            StreamId = unit is not null && requester is not null ? path!.StreamId : null,
            IsTranslated = isTranslated,
            Controller = controller?.Name,
            ControllerKind = controller is null ? null : Checks.Describe.Kind(controller),
            DeviceId = controller is not null && requester is not null ? path!.DeviceId : null,
            IsIsolated = isolation.IsIsolated,
            IsolatedBecause = isolation.Because,
            Doorbell = controller?.Doorbell,
            Window = isTranslated == true ? window : null,
            Pages = isTranslated == false ? 0 : isTranslated == true && pageSize is { } size && controller?.Doorbell is not null ? PagesOf(controller, size) : null,
            PageSize = pageSize,
            Evidence = [.. (path?.Evidence ?? []).Concat(isolation.Evidence).Distinct()],
        };
    }

    private static int PagesOf(FirmwareMsiController controller, ulong pageSize)
    {
        ulong mask = ~(Math.Max(pageSize, 1) - 1);
        return controller.MoreDoorbells.Append(controller.Doorbell!.Value).Select(doorbell => doorbell & mask).Distinct().Count();
    }
}
