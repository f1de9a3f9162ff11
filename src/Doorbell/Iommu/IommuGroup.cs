namespace Doorbell.Iommu;

/// <summary>The devices that cannot be kept apart: they share their domain.</summary>
public sealed class IommuGroup
{
    private readonly List<IommuGroupDevice> _devices = [];

    /// <summary>An empty group.</summary>
    /// <param name="id">Number in /sys/kernel/iommu_groups.</param>
    /// <param name="iommu">The unit all of its devices are behind.</param>
    public IommuGroup(int id, Iommu iommu)
    {
        ArgumentNullException.ThrowIfNull(iommu);
        Id = id;
        Iommu = iommu;
        Domain = iommu.UnattachedDomain;
    }

    /// <summary>Number in /sys/kernel/iommu_groups.</summary>
    public int Id { get; }

    /// <summary>The unit all of its devices are behind.</summary>
    public Iommu Iommu { get; }

    /// <summary>Its devices, as they were added.</summary>
    public IReadOnlyList<IommuGroupDevice> Devices => _devices;

    /// <summary>The domain all of its streams go through.</summary>
    public IommuDomain Domain { get; private set; }

    /// <summary>Adds a device while the machine is built.</summary>
    /// <exception cref="InvalidOperationException">The group is attached: the new device would be outside of its domain.</exception>
    public void Add(IommuGroupDevice device)
    {
        if (Domain != Iommu.UnattachedDomain)
        {
            throw new InvalidOperationException($"group {Id} is attached to {Domain}");
        }

        _devices.Add(device);
    }

    /// <summary>Attaches every device. When one cannot be, all are back where they were.</summary>
    /// <returns>As <see cref="Iommu.Attach"/>.</returns>
    public Result Attach(IommuDomain domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        IommuDomain before = Domain;
        for (int i = 0; i < _devices.Count; i++)
        {
            Result attached = Iommu.Attach(_devices[i].StreamId, domain);
            if (!attached.IsOk)
            {
                for (int done = i - 1; done >= 0; done--)
                {
                    MoveTo(_devices[done].StreamId, before);
                }

                return Result.Fail(attached.Errno, $"group {Id}, {_devices[i].Name}: {attached.Reason}");
            }
        }

        Domain = domain;
        return Result.Ok;
    }

    /// <summary>Detaches every device: back to what unattached streams see.</summary>
    public void Detach()
    {
        foreach (IommuGroupDevice device in _devices)
        {
            Iommu.Detach(device.StreamId);
        }

        Domain = Iommu.UnattachedDomain;
    }

    /// <summary>
    /// The unit's regions and those of every device (not just the first's), by rising address, each once; regions of one type that
    /// overlap or touch are one, as in /sys/kernel/iommu_groups/N/reserved_regions.
    /// </summary>
    public IReadOnlyList<ReservedRegion> GetReservedRegions()
    {
        List<ReservedRegion> merged = [];
        IEnumerable<ReservedRegion> all = Iommu.GetReservedRegions().Concat(_devices.SelectMany(device => device.ReservedRegions));
        foreach (ReservedRegion region in all.OrderBy(region => region.Type).ThenBy(region => region.Base))
        {
            if (merged.Count > 0 && merged[^1] is var previous && previous.Type == region.Type && region.Base.Value - previous.Base.Value <= previous.Size)
            {
                ulong end = Math.Max(previous.Last.Value, region.Last.Value);
                merged[^1] = previous with { Size = end - previous.Base.Value + 1 };
            }
            else
            {
                merged.Add(region);
            }
        }

        return [.. merged.OrderBy(region => region.Base)];
    }

    /// <inheritdoc/>
    public override string ToString() => $"group {Id}";

    private void MoveTo(StreamId stream, IommuDomain domain)
    {
        if (domain == Iommu.UnattachedDomain)
        {
            Iommu.Detach(stream);
        }
        else
        {
            Iommu.Attach(stream, domain);
        }
    }
}
