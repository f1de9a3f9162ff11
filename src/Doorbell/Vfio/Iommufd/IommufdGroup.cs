using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Vfio.Iommufd;

/// <summary>An IOMMU group that a context owns (struct iommufd_group): its streams go through one table, or are blocked.</summary>
internal sealed class IommufdGroup
{
    private readonly List<IommufdDevice> _devices = [];
    private readonly Iommu.Iommu _unit;
    private readonly IommuDomain _blocked;

    private IommufdGroup(IommufdContext context, VfioGroup group, Iommu.Iommu unit)
    {
        Context = context;
        Group = group;
        _unit = unit;
        _blocked = unit.AllocateDomain(IommuDomainType.Blocked);
    }

    public IommufdContext Context { get; }

    public VfioGroup Group { get; }

    /// <summary>The table its streams go through; null while none of its devices is attached.</summary>
    public Hwpt? Hwpt { get; private set; }

    private IEnumerable<IommufdDevice> Attached => _devices.Where(static device => device.IsAttached);

    /// <summary>Takes the group's streams from the host: until a device is attached nothing of it gets through (iommu_device_claim_dma_owner).</summary>
    /// <returns>EINVAL: no IOMMU translates all of it. EBUSY: another group has one of its streams.</returns>
    public static Result<IommufdGroup> Claim(IommufdContext context, VfioGroup group)
    {
        IReadOnlyList<PassthroughDevice> devices = group.Group.Devices;
        if (devices[0].Iommu is not { } unit || devices.Any(device => device.Iommu != unit))
        {
            return Result.Fail(Errno.EINVAL, $"{group.Name}: no one IOMMU translates all of its devices, so it cannot be kept apart from other memory");
        }

        foreach (PassthroughDevice device in devices)
        {
            if (unit.GetStream(device.StreamId).IsAttached)
            {
                return Result.Fail(Errno.EBUSY, $"StreamID {device.StreamId} of {device.Name} is in use at {unit.Name} by another group");
            }
        }

        IommufdGroup claimed = new(context, group, unit);
        Result blocked = claimed.SendThrough(claimed._blocked);
        if (!blocked.IsOk)
        {
            claimed._blocked.Free();
            return blocked;
        }

        return claimed;
    }

    public void Bound(IommufdDevice device) => _devices.Add(device);

    /// <summary>True when it was the last one and the group is the host's again.</summary>
    public bool Unbound(IommufdDevice device)
    {
        _devices.Remove(device);
        if (_devices.Count != 0)
        {
            return false;
        }

        _blocked.Free();
        return true;
    }

    /// <summary>The first device of the group takes the whole group through the table; the others can only join it there.</summary>
    public Result Attach(IommufdDevice device, Hwpt hwpt)
    {
        if (Hwpt is not null && Hwpt != hwpt)
        {
            return Result.Fail(Errno.EINVAL, $"{Group.Name} goes through {Hwpt} already; all of a group's devices go through one table");
        }

        Result reserved = Reserve(device, hwpt);
        if (!reserved.IsOk)
        {
            return reserved;
        }

        Result moved = Hwpt == hwpt ? Result.Ok : Move(hwpt);
        if (!moved.IsOk)
        {
            hwpt.Ioas.Unreserve(device);
            return moved;
        }

        device.IsAttached = true;
        Hwpt = hwpt;
        hwpt.Users++;
        return Result.Ok;
    }

    /// <summary>Attached devices go over to another table, all of the group together, and are at no moment without one (I9).</summary>
    public Result Replace(Hwpt hwpt)
    {
        Hwpt old = Hwpt!;
        if (old == hwpt)
        {
            return Result.Ok;
        }

        IommufdDevice[] attached = [.. Attached];
        bool isOtherSpace = old.Ioas != hwpt.Ioas;
        Result moved = Result.Ok;
        for (int i = 0; i < attached.Length && moved.IsOk; i++)
        {
            moved = isOtherSpace ? Reserve(attached[i], hwpt) : AddWindow(attached[i], hwpt);
        }

        if (moved.IsOk)
        {
            moved = Move(hwpt);
        }

        if (isOtherSpace)
        {
            Ioas left = moved.IsOk ? old.Ioas : hwpt.Ioas;
            foreach (IommufdDevice device in attached)
            {
                left.Unreserve(device);
            }
        }

        if (!moved.IsOk)
        {
            return moved;
        }

        Hwpt = hwpt;
        hwpt.Users += attached.Length;
        old.Users -= attached.Length;
        Context.DropIfUnused(old);
        return Result.Ok;
    }

    /// <summary>With its last device the group is blocked: messages stay in the devices, and what they send is a fault (I10). Nothing happens to one that is not attached.</summary>
    public void Detach(IommufdDevice device)
    {
        if (!device.IsAttached)
        {
            return;
        }

        Hwpt hwpt = Hwpt!;
        device.IsAttached = false;
        if (!Attached.Any())
        {
            Hwpt = null;
            SendThrough(_blocked);
        }

        hwpt.Ioas.Unreserve(device);
        hwpt.Users--;
        Context.DropIfUnused(hwpt);
    }

    // A device's own reserved regions, each of them and each device's: the group's first is not asked for all.
    private static Result Reserve(IommufdDevice device, Hwpt hwpt)
    {
        foreach (ReservedRegion region in device.Device.ReservedRegions)
        {
            Result reserved = hwpt.Ioas.Reserve(new IovaRange(region.Base, region.Last), device, $"a reserved region of {device.Device.Name} (N5)");
            if (!reserved.IsOk)
            {
                hwpt.Ioas.Unreserve(device);
                return reserved;
            }
        }

        Result window = AddWindow(device, hwpt);
        if (!window.IsOk)
        {
            hwpt.Ioas.Unreserve(device);
        }

        return window;
    }

    private static Result AddWindow(IommufdDevice device, Hwpt hwpt)
    {
        foreach (ReservedRegion region in device.Device.ReservedRegions)
        {
            if (region.Type == ReservedRegionType.SoftwareMsi)
            {
                return hwpt.AddWindow(region);
            }
        }

        return Result.Ok;
    }

    // N1 on both sides: the doorbells of armed vectors are in the new domain before any stream goes through it.
    private Result Move(Hwpt hwpt)
    {
        List<MsiDomainMove> moves = [];
        Result result = Result.Ok;
        foreach (IommufdDevice device in _devices)
        {
            if (device.Vectors is not { } vectors)
            {
                continue;
            }

            Result<MsiDomainMove> move = vectors.PrepareMove(hwpt.Domain);
            if (!move.IsOk)
            {
                result = move.WithoutValue;
                break;
            }

            moves.Add(move.Value);
        }

        if (result.IsOk)
        {
            result = SendThrough(hwpt.Domain);
        }

        foreach (MsiDomainMove move in moves)
        {
            if (result.IsOk)
            {
                move.Complete();
            }
            else
            {
                move.Cancel();
            }
        }

        return result;
    }

    private Result SendThrough(IommuDomain domain)
    {
        IReadOnlyList<PassthroughDevice> devices = Group.Group.Devices;
        for (int i = 0; i < devices.Count; i++)
        {
            Result attached = _unit.Attach(devices[i].StreamId, domain);
            if (!attached.IsOk)
            {
                while (--i >= 0)
                {
                    _unit.Attach(devices[i].StreamId, Hwpt?.Domain ?? _blocked);
                }

                return attached;
            }
        }

        return Result.Ok;
    }
}
