using System.Numerics;
using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>Groups joining and leaving: the domains they need, the window, what is usable afterwards.</summary>
internal sealed partial class Type1Iommu
{
    /// <summary>VFIO_GROUP_SET_CONTAINER on a container with an IOMMU, or VFIO_SET_IOMMU: V3, I9, N5.</summary>
    public Result Attach(PassthroughGroup group, string operation)
    {
        Result safe = SafetyCheck.Check(host, group, operation);
        if (!safe.IsOk)
        {
            return safe;
        }

        if (group.Devices[0].Iommu is not { } unit)
        {
            return host.Refuse(operation, $"group {group.Id}", Errno.ENODEV, null, $"group {group.Id}: no IOMMU translates {group.Devices[0].Name}, so it cannot be kept apart from other memory");
        }

        Result own = CheckStreams(group, unit, operation);
        if (!own.IsOk)
        {
            return own;
        }

        List<ReservedRegion> reserved = ReservedRegionsOf(group);
        Result free = CheckReserved(group, reserved, operation);
        if (!free.IsOk)
        {
            return free;
        }

        Type1Domain? known = _domains.Find(domain => domain.Unit == unit);
        Result<Type1Domain> chosen = known is null ? CreateDomain(unit, reserved) : known;
        if (!chosen.IsOk)
        {
            return host.Refuse(operation, $"group {group.Id}", chosen.Errno, "I3", chosen.Reason);
        }

        Type1Domain target = chosen.Value;
        foreach (PassthroughDevice device in group.Devices)
        {
            Result attached = unit.Attach(device.StreamId, target.Domain);
            if (!attached.IsOk)
            {
                DetachStreams(group);
                if (known is null)
                {
                    target.Domain.Free();
                }

                return host.Refuse(operation, $"group {group.Id}", attached.Errno, null, $"{device.Name} (StreamID {device.StreamId}) cannot be attached to {unit.Name}: {attached.Reason}");
            }
        }

        target.Groups.Add(group);
        if (known is null)
        {
            _domains.Add(target);
        }

        RecomputeUsable();
        return Result.Ok;
    }

    /// <summary>A group leaves; with the last group of a domain the domain goes, with the last domain the user's mappings do.</summary>
    public void Detach(PassthroughGroup group)
    {
        Type1Domain? domain = _domains.Find(candidate => candidate.Groups.Contains(group));
        if (domain is null)
        {
            return;
        }

        domain.Groups.Remove(group);
        if (domain.Groups.Count == 0)
        {
            if (_domains.Count == 1)
            {
                UnmapEverything();
            }

            DetachStreams(group);
            _domains.Remove(domain);
            domain.Domain.Free();
        }
        else
        {
            DetachStreams(group);
        }

        RecomputeUsable();
    }

    private Result<Type1Domain> CreateDomain(Iommu.Iommu unit, List<ReservedRegion> reserved)
    {
        Type1Domain created = new(unit, unit.AllocateDomain(IommuDomainType.Unmanaged));
        foreach (ReservedRegion region in reserved)
        {
            if (region.Type != ReservedRegionType.SoftwareMsi || !created.Domain.MsiMapping)
            {
                continue;
            }

            // The MSI cookie (I9): the window is there from the first group on, doorbells are mapped when vectors are.
            int order = BitOperations.TrailingZeroCount(created.Domain.PageSizes);
            Result window = created.Domain.AllocateReservedIovaDomain(region.Base, region.Size, order, DoorbellRetention.UntilDomainFreed);
            if (!window.IsOk)
            {
                created.Domain.Free();
                return window;
            }

            break;
        }

        foreach (DmaMapping mapping in _mappings.ToList())
        {
            Result mapped = MapIn(created.Domain, mapping);
            if (!mapped.IsOk)
            {
                created.Domain.Free();
                return mapped;
            }
        }

        return created;
    }

    // All devices of the group count, not the first one alone.
    private static List<ReservedRegion> ReservedRegionsOf(PassthroughGroup group) =>
        [.. group.Devices.SelectMany(static device => device.ReservedRegions).Distinct()];

    // A group is behind one IOMMU, and its streams are nobody else's: taking one away from another container would give that container's DMA to this one.
    private Result CheckStreams(PassthroughGroup group, Iommu.Iommu unit, string operation)
    {
        foreach (PassthroughDevice device in group.Devices)
        {
            if (device.Iommu != unit)
            {
                return host.Refuse(operation, $"group {group.Id}", Errno.EINVAL, null, $"{device.Name} of group {group.Id} is not behind {unit.Name}, which translates {group.Devices[0].Name}");
            }

            if (unit.GetStream(device.StreamId).IsAttached)
            {
                return host.Refuse(operation, $"group {group.Id}", Errno.EBUSY, null, $"StreamID {device.StreamId} of {device.Name} is in use at {unit.Name} by another group");
            }
        }

        return Result.Ok;
    }

    private Result CheckReserved(PassthroughGroup group, List<ReservedRegion> reserved, string operation)
    {
        foreach (ReservedRegion region in reserved)
        {
            if (_mappings.FirstIn(region.Base, region.Last) is { } mapping)
            {
                return host.Refuse(
                    operation,
                    $"group {group.Id}",
                    Errno.EINVAL,
                    "N5",
                    $"the container has {mapping.Iova}-{mapping.Last} mapped, inside the reserved region {region.Base}-{region.Last} of group {group.Id}",
                    "Unmap it before the group joins.");
            }
        }

        return Result.Ok;
    }

    private void RecomputeUsable()
    {
        Iova end = new(ulong.MaxValue);
        List<ReservedRegion> reserved = [];
        foreach (Type1Domain domain in _domains)
        {
            if (domain.Domain.ApertureEnd < end)
            {
                end = domain.Domain.ApertureEnd;
            }

            foreach (PassthroughGroup group in domain.Groups)
            {
                reserved.AddRange(ReservedRegionsOf(group));
            }
        }

        _usable = UsableRanges.Compute(end, reserved.Distinct());
    }

    private static void DetachStreams(PassthroughGroup group)
    {
        foreach (PassthroughDevice device in group.Devices)
        {
            device.Iommu?.Detach(device.StreamId);
        }
    }
}
