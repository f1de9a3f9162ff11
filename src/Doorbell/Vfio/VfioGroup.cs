using Doorbell.Vfio.Iommufd;

namespace Doorbell.Vfio;

/// <summary>A group: /dev/vfio/N. One open at a time.</summary>
public sealed class VfioGroup : IVfioDeviceOwner
{
    private readonly VfioHost _host;
    private readonly List<VfioDevice> _openDevices = [];
    private readonly List<PassthroughDevice> _boundCdevs = [];
    private IVfioContainer? _container;
    private bool _isOpen;

    internal VfioGroup(VfioHost host, PassthroughGroup group)
    {
        _host = host;
        Group = group;
    }

    /// <summary>The devices in it.</summary>
    public PassthroughGroup Group { get; }

    /// <summary>Its name in events and sentences.</summary>
    public string Name => $"group {Group.Id}";

    /// <summary>True while the group or one of its devices is open, one through its cdev included.</summary>
    public bool IsInUse => _isOpen || _openDevices.Count != 0 || _boundCdevs.Count != 0;

    /// <summary>The iommufd context that owns it through cdevs of its devices; null while none does.</summary>
    internal IommufdContext? Context { get; set; }

    /// <summary>VFIO_GROUP_GET_STATUS (V4).</summary>
    public VfioGroupFlags GetStatus()
    {
        VfioGroupFlags flags = VfioGroupFlags.None;
        if (Group.FindObstacle() is null)
        {
            flags |= VfioGroupFlags.Viable;
        }

        if (_container is not null)
        {
            flags |= VfioGroupFlags.ContainerSet;
        }

        return flags;
    }

    /// <summary>VFIO_GROUP_SET_CONTAINER. EINVAL: has one already; EPERM: not viable (V4), or unsafe to join a container with an IOMMU (V3).</summary>
    public Result SetContainer(VfioContainer container) => Enter(container);

    /// <summary>VFIO_GROUP_SET_CONTAINER with an iommufd in a container's place. EINVAL: has one already. Whether the group may be handed over is asked when a device is opened (V3, V4).</summary>
    public Result SetContainer(IommufdContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Enter(context.Container);
    }

    /// <summary>VFIO_GROUP_UNSET_CONTAINER. EINVAL: has none; EBUSY: devices are open.</summary>
    public Result UnsetContainer()
    {
        const string Operation = "VFIO_GROUP_UNSET_CONTAINER";
        if (_container is null)
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name} is in no container");
        }

        if (_openDevices.Count != 0)
        {
            return _host.Refuse(Operation, Name, Errno.EBUSY, null, $"{_openDevices[0].Name} of {Name} is open");
        }

        LeaveContainer();
        return Result.Ok;
    }

    /// <summary>VFIO_GROUP_GET_DEVICE_FD. ENODEV: no such device in the group, or it is not bound to vfio-pci; EINVAL: before the container has its IOMMU; in an iommufd what binding and attaching it answers.</summary>
    /// <param name="request">The device's address; behind a space, what is known of it: vf_token=UUID, of a physical function. EINVAL: anything else, or of another function.</param>
    public Result<VfioDevice> OpenDevice(string request)
    {
        ArgumentNullException.ThrowIfNull(request);
        const string Operation = "VFIO_GROUP_GET_DEVICE_FD";
        int space = request.IndexOf(' ', StringComparison.Ordinal);
        string name = space < 0 ? request : request[..space];
        if (Group.Devices.FirstOrDefault(candidate => candidate.IsVfioBound && candidate.Name == name) is not { } device)
        {
            return _host.Refuse(Operation, Name, Errno.ENODEV, null, $"{Name} has no device {name} bound to vfio-pci; it has {string.Join(", ", Group.Devices.Where(static d => d.IsVfioBound).Select(static d => d.Name))}");
        }

        Result known = space < 0 ? Result.Ok : MatchOptions(device, request[space..], Operation);
        if (!known.IsOk)
        {
            return known;
        }

        if (_container is not { HasIommu: true })
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name} has no container with an IOMMU type yet; VFIO_GROUP_SET_CONTAINER and VFIO_SET_IOMMU come first");
        }

        // A second open of a device shares its state, as in the kernel (open_count).
        VfioDevice? open = _openDevices.Find(candidate => candidate.Device == device);
        if (open is null)
        {
            Result taken = _container.Take(this, device, Operation);
            if (!taken.IsOk)
            {
                return taken;
            }

            open = new VfioDevice(_host, this, device);
            _openDevices.Add(open);
            open.Enable();
        }

        open.AddOpen();
        return open;
    }

    /// <summary>The last reference to the group file is gone. Devices that are still open keep the group (V7).</summary>
    public void Release()
    {
        _isOpen = false;
        ReleaseIfUnused();
    }

    internal Result Open()
    {
        if (IsInUse)
        {
            return _host.Refuse("open", $"/dev/vfio/{Group.Id}", Errno.EBUSY, null, Context is { } context ? $"a cdev of {Name} is bound to {context.Name}; a group has one owner" : $"{Name} is open already; a group has one owner");
        }

        _isOpen = true;
        return Result.Ok;
    }

    internal VfioDevice? FindOpen(Pci.PciFunction function) => _openDevices.Find(open => open.Device.Function == function);

    /// <summary>A cdev of the group is being bound: from now on the group cannot be opened (vfio_device_block_group). EBUSY: it is open. EINVAL: the device is, a cdev opens it once.</summary>
    internal Result BlockFor(PassthroughDevice device)
    {
        if (_isOpen)
        {
            return Result.Fail(Errno.EBUSY, $"{Name} is open at /dev/vfio/{Group.Id}; a group has one owner");
        }

        if (_openDevices.Exists(open => open.Device == device) || _boundCdevs.Contains(device))
        {
            return Result.Fail(Errno.EINVAL, $"{device.Name} is in use, through {Name} or another open of its cdev");
        }

        _boundCdevs.Add(device);
        return Result.Ok;
    }

    internal void UnblockFor(PassthroughDevice device) => _boundCdevs.Remove(device);

    /// <summary>Who else than that context owns the group: its name, or null.</summary>
    internal string? OwnerBeside(IommufdContext context) =>
        (_container != context.Container ? _container?.Name : null) ?? (Context is { } owner && owner != context ? owner.Name : null);

    /// <inheritdoc/>
    void IVfioDeviceOwner.Closed(VfioDevice device)
    {
        _openDevices.Remove(device);
        _container?.Give(device.Device);
        ReleaseIfUnused();
    }

    // vfio_pci_core_match. Nobody has a virtual function open here, so that a physical function takes whatever token its opener brings.
    private Result MatchOptions(PassthroughDevice device, string options, string operation)
    {
        const string TokenOption = "vf_token=";
        string[] words = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
        {
            return Result.Ok;
        }

        if (words.Length > 1 || !words[0].StartsWith(TokenOption, StringComparison.Ordinal) || !Guid.TryParseExact(words[0][TokenOption.Length..], "D", out Guid token))
        {
            return _host.Refuse(operation, Name, Errno.EINVAL, null, $"'{options.Trim()}' behind the address of {device.Name} is not one vf_token=UUID");
        }

        if (!device.HasVirtualFunctions)
        {
            return _host.Refuse(operation, Name, Errno.EINVAL, null, $"{device.Name} is neither a physical nor a virtual function of SR-IOV: it takes no vf_token");
        }

        device.VfToken = token;
        return Result.Ok;
    }

    private Result Enter(IVfioContainer container)
    {
        const string Operation = "VFIO_GROUP_SET_CONTAINER";
        if (_container is not null)
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name} is in {_container.Name} already");
        }

        Result joined = container.Join(this, Operation);
        if (joined.IsOk)
        {
            _container = container;
        }

        return joined;
    }

    private void ReleaseIfUnused()
    {
        if (!IsInUse)
        {
            LeaveContainer();
        }
    }

    private void LeaveContainer()
    {
        IVfioContainer? container = _container;
        _container = null;
        container?.Leave(this);
    }
}
