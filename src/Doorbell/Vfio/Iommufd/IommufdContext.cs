using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <summary>
/// One open of /dev/iommu: address spaces, page tables and bound devices by number (linux/iommufd.h). Plain arguments in, the
/// kernel's errno with a sentence out; checking sizes and reserved fields of structures is the transport's.
/// </summary>
/// <remarks>Control operations, one at a time a machine, as all of <see cref="VfioHost"/>. A number that names nothing, or something of another kind, is ENOENT everywhere.</remarks>
public sealed partial class IommufdContext
{
    private readonly IommufdObjects _objects = new();
    private readonly Dictionary<VfioGroup, IommufdGroup> _groups = [];
    private bool _isOpen = true;
    private bool _chargesProcess;
    private Ioas? _vfioIoas;

    internal IommufdContext(VfioHost host, int number)
    {
        Host = host;
        Number = number;
        PageSize = host.PageSize;
        HugePageSize = host.HugePageSize;
        Container = new IommufdContainer(this);
    }

    /// <summary>Which open this is, in events.</summary>
    public int Number { get; }

    /// <summary>Its name in events and sentences.</summary>
    public string Name => $"iommufd {Number}";

    /// <summary>Objects there are now: address spaces, page tables, devices, queues.</summary>
    public int ObjectCount => _objects.Count;

    /// <summary>I9: the places of doorbell pages, the same in every table of this context.</summary>
    public SoftwareMsiTable MsiTable { get; } = new();

    /// <summary>The ioctls of a container on this context: groups can be put into it in a container's place.</summary>
    public IommufdContainer Container { get; }

    internal VfioHost Host { get; }

    internal ulong PageSize { get; }

    internal ulong HugePageSize { get; }

    /// <summary>IOMMU_DESTROY. ENOENT; EBUSY while something holds it: a table its IOAS, an attached device its table, VFIO the device.</summary>
    public Result Destroy(uint id)
    {
        const string Operation = "IOMMU_DESTROY";
        if (_objects.Find<IommufdObject>(id) is not { } found)
        {
            return Absent(Operation, "object", id);
        }

        if (found.Users != 0)
        {
            return Refuse(Operation, Errno.EBUSY, null, $"{found} of {Name} is in use");
        }

        Drop(found);
        return Result.Ok;
    }

    /// <summary>IOMMU_OPTION: the value in force afterwards.</summary>
    /// <param name="option">Which.</param>
    /// <param name="operation">Get or set.</param>
    /// <param name="id">The IOAS for <see cref="IommufdOption.HugePages"/>, 0 for <see cref="IommufdOption.RlimitMode"/>.</param>
    /// <param name="value">0 or 1, when set.</param>
    /// <returns>EOPNOTSUPP: no such option or operation, or an object for an option that has none. EBUSY: RLIMIT_MODE is set after the first object. EINVAL: the value, or huge pages turned off while tables hold mappings. ENOENT: no such IOAS.</returns>
    public Result<ulong> Option(IommufdOption option, IommufdOptionOperation operation, uint id, ulong value)
    {
        const string Operation = "IOMMU_OPTION";
        switch (option)
        {
            case IommufdOption.RlimitMode when id == 0 && operation == IommufdOptionOperation.Get:
                return _chargesProcess ? 1UL : 0;
            case IommufdOption.RlimitMode when id == 0 && operation == IommufdOptionOperation.Set:
                if (_objects.Count != 0)
                {
                    return Refuse(Operation, Errno.EBUSY, null, $"{Name} has objects already; RLIMIT_MODE comes before the first");
                }

                if (value > 1)
                {
                    return Refuse(Operation, Errno.EINVAL, null, $"RLIMIT_MODE is 0 or 1, not {value}");
                }

                _chargesProcess = value == 1;
                return value;
            case IommufdOption.HugePages:
                return _objects.Find<Ioas>(id) is { } ioas ? HugePages(ioas, operation, value) : Absent(Operation, "IOAS", id);
            default:
                return Refuse(Operation, Errno.EOPNOTSUPP, null, $"option {option}, operation {operation}, object {id}: there is no such option");
        }
    }

    /// <summary>IOMMU_FAULT_QUEUE_ALLOC: its number. It is held until <see cref="ReleaseFaultQueue"/> says that the queue's file is closed.</summary>
    /// <returns>EOPNOTSUPP: any flag.</returns>
    public Result<uint> AllocateFaultQueue(uint flags)
    {
        if (flags != 0)
        {
            return Refuse("IOMMU_FAULT_QUEUE_ALLOC", Errno.EOPNOTSUPP, null, $"flags 0x{flags:x}: there are none");
        }

        IommufdFaultQueue queue = _objects.Add(static id => new IommufdFaultQueue(id));
        queue.Users++;
        return queue.Id;
    }

    /// <summary>The last reference to a fault queue's file is gone.</summary>
    public void ReleaseFaultQueue(uint id)
    {
        if (_objects.Find<IommufdFaultQueue>(id) is { Users: > 0 } queue)
        {
            queue.Users--;
        }
    }

    /// <summary>The last reference to the file is gone. Bound devices and groups put into it keep everything until they are closed (captures, ctx2.close_iommufd_first; V7).</summary>
    public void Release()
    {
        _isOpen = false;
        ReleaseIfUnused();
    }

    /// <summary>VFIO_DEVICE_BIND_IOMMUFD's half here: the group is this context's (V3, V4), the device has a number.</summary>
    /// <returns>EPERM: nothing checks who writes its MSIs (V3), a device of the group has a host driver (V4), or another owner has the group. EINVAL, EBUSY as <see cref="IommufdGroup.Claim"/>.</returns>
    internal Result<IommufdDevice> Bind(PassthroughDevice device, VfioGroup group, string operation)
    {
        Result safe = SafetyCheck.Check(Host, group.Group, operation);
        if (!safe.IsOk)
        {
            return safe;
        }

        if (group.Group.FindObstacle() is { } obstacle)
        {
            return Host.RefuseNotViable(operation, device.Name, group.Name, obstacle);
        }

        if (group.OwnerBeside(this) is { } owner)
        {
            return Host.Refuse(operation, device.Name, Errno.EPERM, null, $"{group.Name} belongs to {owner}, which has a device of it; a group has one owner");
        }

        if (!_groups.TryGetValue(group, out IommufdGroup? claimed))
        {
            Result<IommufdGroup> taken = IommufdGroup.Claim(this, group);
            if (!taken.IsOk)
            {
                return Host.Refuse(operation, device.Name, taken.Errno, null, taken.Reason);
            }

            claimed = taken.Value;
            _groups.Add(group, claimed);
            group.Context = this;
        }

        IommufdDevice bound = _objects.Add(id => new IommufdDevice(id, device, claimed));
        bound.Users++;
        claimed.Bound(bound);
        return bound;
    }

    /// <summary>The device's cdev is closed: detached, and the group the host's again with its last device.</summary>
    internal void Unbind(IommufdDevice device)
    {
        device.Group.Detach(device);
        if (device.Group.Unbound(device))
        {
            _groups.Remove(device.Group.Group);
            device.Group.Group.Context = null;
        }

        device.Users--;
        Drop(device);
        ReleaseIfUnused();
    }

    /// <summary>A table that attaching made goes with its last device.</summary>
    internal void DropIfUnused(Hwpt hwpt)
    {
        if (hwpt is { IsAuto: true, Users: 0 })
        {
            Drop(hwpt);
        }
    }

    internal void ReleaseIfUnused()
    {
        if (_isOpen || _groups.Count != 0 || Container.GroupCount != 0)
        {
            return;
        }

        // Holders before what they hold: every pass frees some.
        while (_objects.Count != 0)
        {
            foreach (IommufdObject each in _objects.All.ToList())
            {
                if (each.Users == 0 || each is IommufdFaultQueue)
                {
                    Drop(each);
                }
            }
        }

        Host.IommufdClosed();
    }

    internal Result Refuse(string operation, Errno errno, string? rule, string reason, string? remedy = null) =>
        Host.Refuse(operation, Name, errno, rule, reason, remedy);

    private Result Absent(string operation, string kind, uint id) =>
        Refuse(operation, Errno.ENOENT, null, $"{Name} has no {kind} {id}{(_objects.Find<IommufdObject>(id) is { } other ? $"; it is {other.Kind} {id}" : string.Empty)}");

    private Result<ulong> HugePages(Ioas ioas, IommufdOptionOperation operation, ulong value)
    {
        const string Operation = "IOMMU_OPTION";
        switch (operation)
        {
            case IommufdOptionOperation.Get:
                return ioas.HugePages ? 1UL : 0;
            case IommufdOptionOperation.Set when value <= 1:
                Result set = ioas.SetHugePages(value == 1);
                return set.IsOk ? value : Refuse(Operation, set.Errno, null, set.Reason);
            case IommufdOptionOperation.Set:
                return Refuse(Operation, Errno.EINVAL, null, $"HUGE_PAGES is 0 or 1, not {value}");
            default:
                return Refuse(Operation, Errno.EOPNOTSUPP, null, $"operation {(ushort)operation} is neither get nor set");
        }
    }

    private void Drop(IommufdObject gone)
    {
        gone.Destroy();
        _objects.Remove(gone);
        if (_vfioIoas == gone)
        {
            _vfioIoas = null;
        }
    }
}
