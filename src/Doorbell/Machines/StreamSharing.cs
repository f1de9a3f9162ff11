using Doorbell.Vfio;

namespace Doorbell.Machines;

/// <summary>Joins groups that are one StreamID at an SMMU of version 1 or 2: its driver puts all of a stream's devices into one group (Linux, arm_smmu_device_group).</summary>
internal static class StreamSharing
{
    /// <summary>The groups, each at the place of its first device.</summary>
    /// <param name="groups">Every function of the machine, by isolation group.</param>
    public static IReadOnlyList<IReadOnlyList<PassthroughDevice>> Join(IReadOnlyList<List<PassthroughDevice>> groups)
    {
        Dictionary<(Iommu.Iommu Iommu, StreamId Stream), List<PassthroughDevice>> owners = [];
        var joined = new List<IReadOnlyList<PassthroughDevice>>();
        foreach (List<PassthroughDevice> group in groups)
        {
            List<PassthroughDevice>? owner = group
                .Where(static device => device.Iommu?.Model is { MatchesStreams: true })
                .Select(device => owners.GetValueOrDefault((device.Iommu!, device.StreamId)))
                .FirstOrDefault(static found => found is not null);
            if (owner is null)
            {
                joined.Add(owner = group);
            }
            else
            {
                owner.AddRange(group);
            }

            foreach (PassthroughDevice device in group.Where(static device => device.Iommu is not null))
            {
                owners.TryAdd((device.Iommu!, device.StreamId), owner);
            }
        }

        return joined;
    }
}
