namespace Doorbell.Vfio.Iommufd;

/// <summary>One open of /dev/vfio/devices/vfioN. Until it is bound to an iommufd every call but that is EINVAL.</summary>
/// <remarks>The device behind it is the same as through its group: regions, config space, interrupts. It is in use one way at a time.</remarks>
public sealed class VfioCdev : IVfioDeviceOwner
{
    private readonly VfioHost _host;
    private readonly VfioGroup _group;
    private VfioDevice? _device;
    private IommufdDevice? _bound;
    private IommufdContext? _context;

    internal VfioCdev(VfioHost host, VfioGroup group, PassthroughDevice device)
    {
        _host = host;
        _group = group;
        Device = device;
    }

    /// <summary>The function behind it.</summary>
    public PassthroughDevice Device { get; }

    /// <summary>Its name in events and sentences.</summary>
    public string Name => Device.Name;

    /// <summary>True while it goes through a page table.</summary>
    public bool IsAttached => _bound is { IsAttached: true };

    /// <summary>What every other call is about; EINVAL before <see cref="BindIommufd"/>.</summary>
    public Result<VfioDevice> GetDevice() => _device is null
        ? Result.Fail(Errno.EINVAL, $"{Name} is bound to no iommufd yet; VFIO_DEVICE_BIND_IOMMUFD comes first")
        : _device;

    /// <summary>VFIO_DEVICE_BIND_IOMMUFD: the device's number in the context. It is the user's from now on, reset, with its DMA and MSIs blocked until it is attached.</summary>
    /// <returns>
    /// EINVAL: flags, bound already, open through its group or another open of the cdev, or no one IOMMU translates its group. EBUSY: its group is open.
    /// EPERM: unsafe (V3), not viable (V4), or another context or container owns the group.
    /// </returns>
    public Result<uint> BindIommufd(IommufdContext context, uint flags = 0)
    {
        const string Operation = "VFIO_DEVICE_BIND_IOMMUFD";
        ArgumentNullException.ThrowIfNull(context);
        if (flags != 0)
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"flags 0x{flags:x}: {Name} takes none");
        }

        Result free = _bound is null ? _group.BlockFor(Device) : Result.Fail(Errno.EINVAL, $"{Name} is bound to {_context!.Name} already");
        if (!free.IsOk)
        {
            return _host.Refuse(Operation, Name, free.Errno, null, free.Reason);
        }

        Result<IommufdDevice> bound = context.Bind(Device, _group, Operation);
        if (!bound.IsOk)
        {
            _group.UnblockFor(Device);
            return bound.WithoutValue;
        }

        _bound = bound.Value;
        _context = context;
        _device = new VfioDevice(_host, this, Device);
        _device.Enable();
        _device.AddOpen();
        return _bound.Id;
    }

    /// <summary>
    /// VFIO_DEVICE_ATTACH_IOMMUFD_PT: through an IOAS (by a table made for it, or one there is) or through a HWPT; the HWPT's number. While it is attached
    /// already it goes over without a gap: doorbells of armed vectors are in the new table first, and messages stay (I9).
    /// </summary>
    /// <param name="id">An IOAS or a HWPT of the context.</param>
    /// <param name="flags">None: no device here has PASIDs.</param>
    /// <returns>
    /// EINVAL: not bound, another kind of object, a table of another IOMMU or not its group's. EOPNOTSUPP: a PASID. ENOENT: no such object. EADDRINUSE: mappings,
    /// or ranges promised to the user, lie in a reserved range, beyond the aperture or not in whole pages (N5). EFAULT: memory that is mapped is not there. ENOSPC: no room for its doorbells.
    /// </returns>
    public Result<uint> AttachIommufdPt(uint id, uint flags = 0)
    {
        const string Operation = "VFIO_DEVICE_ATTACH_IOMMUFD_PT";
        if (_bound is null)
        {
            return NotBound(Operation);
        }

        return flags switch
        {
            0 => _context!.Attach(_bound, id, Operation),
            1 => _host.Refuse(Operation, Name, Errno.EOPNOTSUPP, null, $"{Name} has no PASIDs"),
            _ => _host.Refuse(Operation, Name, Errno.EINVAL, null, $"flags 0x{flags:x} are unknown"),
        };
    }

    /// <summary>VFIO_DEVICE_DETACH_IOMMUFD_PT: nothing gets through until it is attached again. Armed vectors keep their messages; what they send meanwhile is a fault. Nothing happens when it is not attached. EINVAL: not bound.</summary>
    public Result DetachIommufdPt()
    {
        if (_bound is null)
        {
            return NotBound("VFIO_DEVICE_DETACH_IOMMUFD_PT");
        }

        _bound.Group.Detach(_bound);
        return Result.Ok;
    }

    /// <summary>The last reference to the file is gone: interrupts off, reset, detached, the group given back (V7).</summary>
    public void Release()
    {
        _device?.Release();
        _host.CdevClosed();
    }

    /// <inheritdoc/>
    void IVfioDeviceOwner.Closed(VfioDevice device)
    {
        IommufdDevice bound = _bound!;
        _bound = null;
        _device = null;
        _group.UnblockFor(Device);
        _context!.Unbind(bound);
    }

    private Result NotBound(string operation) =>
        _host.Refuse(operation, Name, Errno.EINVAL, null, $"{Name} is bound to no iommufd yet; VFIO_DEVICE_BIND_IOMMUFD comes first");
}
