using Doorbell.Vfio;

namespace Doorbell.Machines;

/// <summary>What is in different groups must look different to the IOMMU and to the MSI controller, and a group must look at one IOMMU: otherwise handing a group over would hand over more than its devices.</summary>
internal static class Separation
{
    /// <summary>EINVAL with a sentence that names both functions and what they share, or what their group does not.</summary>
    /// <param name="groups">Every function of the machine, by isolation group.</param>
    public static Result Check(IEnumerable<IReadOnlyList<PassthroughDevice>> groups)
    {
        Dictionary<(Iommu.Iommu Iommu, StreamId Stream), (PassthroughDevice Device, int Group)> streams = [];
        Dictionary<(Msi.MsiDomain Domain, DeviceId Device), (PassthroughDevice Device, int Group)> writers = [];
        int number = 0;
        foreach (IReadOnlyList<PassthroughDevice> group in groups)
        {
            foreach (PassthroughDevice device in group)
            {
                Result apart = CheckGroup(group[0], device);
                if (apart.IsOk && device.Iommu is { } unit && !unit.GetStream(device.StreamId).IsValid)
                {
                    apart = Result.Fail(Errno.EINVAL, $"{device.Name} is StreamID {device.StreamId} by iommu-map, but IOMMU {unit.Name} ({unit.Model}) has {unit.StreamIdBits} bits of StreamID.");
                }

                if (apart.IsOk && device.Iommu is { } iommu)
                {
                    apart = CheckId(streams, (iommu, device.StreamId), device, number, $"StreamID {device.StreamId} at IOMMU {iommu.Name}: either would reach what is mapped for the other");
                }

                // A controller that does not look at who writes (M1) has no DeviceIDs to mix up.
                if (apart.IsOk && device.MsiDomain is { IsIsolated: true } domain)
                {
                    apart = CheckId(writers, (domain, device.DeviceId), device, number, $"DeviceID {device.DeviceId} at MSI controller {domain.Parent!.Name}: either could raise the other's interrupts (N4)");
                }

                if (!apart.IsOk)
                {
                    return apart;
                }
            }

            number++;
        }

        return Result.Ok;
    }

    private static Result CheckId<TKey>(Dictionary<TKey, (PassthroughDevice Device, int Group)> owners, TKey id, PassthroughDevice device, int group, string shared)
        where TKey : notnull
    {
        if (owners.TryAdd(id, (device, group)) || owners[id].Group == group)
        {
            return Result.Ok;
        }

        return Result.Fail(Errno.EINVAL, $"{owners[id].Device.Name} and {device.Name} are isolated from each other, but both are {shared}.");
    }

    private static Result CheckGroup(PassthroughDevice first, PassthroughDevice device) => first.Iommu == device.Iommu
        ? Result.Ok
        : Result.Fail(Errno.EINVAL, $"{first.Name} and {device.Name} cannot be isolated from each other, but {Behind(first)} and {Behind(device)}: a group has one domain.");

    private static string Behind(PassthroughDevice device) => $"{device.Name} is behind {(device.Iommu is { } iommu ? $"IOMMU {iommu.Name}" : "no IOMMU")}";
}
