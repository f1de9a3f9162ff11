using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>Groups joining and leaving: the domains they need, what a new domain is given, what is usable afterwards.</summary>
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

        Result known = CheckVaddrs(group, operation);
        if (!known.IsOk)
        {
            return known;
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

        Result<Type1Domain> joined = Join(group, unit, reserved, operation);
        if (!joined.IsOk)
        {
            return joined.WithoutValue;
        }

        joined.Value.Groups.Add(group);
        RecomputeUsable();
        return Result.Ok;
    }

    /// <summary>A group leaves; with the last group of a domain the domain goes, with the last domain everything the user mapped and registered does.</summary>
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
                Release();
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

    // Which domains a group can go into is found out by attaching it, as the kernel does; in none, it gets one of its own with all that the container has.
    private Result<Type1Domain> Join(PassthroughGroup group, Iommu.Iommu unit, List<ReservedRegion> reserved, string operation)
    {
        foreach (Type1Domain domain in _domains)
        {
            if (AttachStreams(group, unit, domain.Domain).IsOk)
            {
                return domain;
            }
        }

        Type1Domain created = new(unit.AllocateDomain(IommuDomainType.Unmanaged));
        Result ready = Prepare(created.Domain, reserved, group, operation);
        if (ready.IsOk)
        {
            Result attached = AttachStreams(group, unit, created.Domain);
            ready = attached.IsOk ? attached : host.Refuse(operation, $"group {group.Id}", attached.Errno, null, attached.Reason);
        }

        if (!ready.IsOk)
        {
            created.Domain.Free();
            return ready;
        }

        _domains.Add(created);
        return created;
    }

    // Before any stream is attached: whatever is missing, no device has seen the domain without it.
    private Result Prepare(IommuDomain domain, List<ReservedRegion> reserved, PassthroughGroup group, string operation)
    {
        if (_domains.Count != 0 && (PageSizes & domain.PageSizes) == 0)
        {
            return host.Refuse(operation, $"group {group.Id}", Errno.EINVAL, null, $"{domain.Iommu.Name} maps pages of sizes 0x{domain.PageSizes:x}, the container's other IOMMUs 0x{PageSizes:x}: there is none in common");
        }

        if (domain.ApertureEnd.Value != ulong.MaxValue && _mappings.FirstIn(domain.ApertureEnd + 1, new Iova(ulong.MaxValue)) is { } beyond)
        {
            return host.Refuse(operation, $"group {group.Id}", Errno.EINVAL, null, $"the container has {beyond.Iova}-{beyond.Last} {Taken(beyond)}, past the end of what {domain.Iommu.Name} translates, {domain.ApertureEnd}");
        }

        Result window = GiveWindow(domain, reserved);
        if (!window.IsOk)
        {
            return host.Refuse(operation, $"group {group.Id}", window.Errno, "I3", window.Reason);
        }

        // The replay: the user's memory, and nothing but memory.
        foreach (DmaMapping mapping in UserMappings)
        {
            Result mapped = MapIn(domain, mapping);
            if (!mapped.IsOk)
            {
                return host.Refuse(operation, $"group {group.Id}", mapped.Errno, null, mapped.Reason);
            }
        }

        return Result.Ok;
    }

    // All devices of the group count, not the first one alone. The series had no window of the host's choice.
    private List<ReservedRegion> ReservedRegionsOf(PassthroughGroup group) =>
        [.. group.ReservedRegions.Where(region => !IsV6 || region.Type != ReservedRegionType.SoftwareMsi)];

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
            if (_mappings.FirstIn(region.Base, region.Last) is { } slot)
            {
                return host.Refuse(
                    operation,
                    $"group {group.Id}",
                    Errno.EINVAL,
                    "N5",
                    $"the container has {slot.Iova}-{slot.Last} {Taken(slot)}, inside the reserved region {region.Base}-{region.Last} of group {group.Id}",
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

    private static Result AttachStreams(PassthroughGroup group, Iommu.Iommu unit, IommuDomain domain)
    {
        for (int i = 0; i < group.Devices.Count; i++)
        {
            PassthroughDevice device = group.Devices[i];
            Result attached = unit.Attach(device.StreamId, domain);
            if (!attached.IsOk)
            {
                while (--i >= 0)
                {
                    unit.Detach(group.Devices[i].StreamId);
                }

                return Result.Fail(attached.Errno, $"{device.Name} (StreamID {device.StreamId}) cannot be attached to {unit.Name}: {attached.Reason}");
            }
        }

        return Result.Ok;
    }

    private static void DetachStreams(PassthroughGroup group)
    {
        foreach (PassthroughDevice device in group.Devices)
        {
            device.Iommu?.Detach(device.StreamId);
        }
    }

    private static string Taken(IovaSlot slot) => slot is MsiWindow ? "registered as the window for MSI doorbells" : "mapped";
}
