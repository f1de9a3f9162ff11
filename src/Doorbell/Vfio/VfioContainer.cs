namespace Doorbell.Vfio;

/// <summary>A container: /dev/vfio/vfio as one open sees it.</summary>
public sealed class VfioContainer : IVfioContainer
{
    /// <summary>VFIO_API_VERSION.</summary>
    public const int ApiVersion = 0;

    private readonly VfioHost _host;
    private readonly List<VfioGroup> _groups = [];
    private Type1Iommu? _iommu;
    private bool _isNoIommuSet;

    internal VfioContainer(VfioHost host, int id)
    {
        _host = host;
        Id = id;
    }

    /// <summary>Which open this is, in events.</summary>
    public int Id { get; }

    /// <summary>Its name in events and sentences.</summary>
    public string Name => $"container {Id}";

    /// <summary>True once VFIO_SET_IOMMU has succeeded.</summary>
    public bool HasIommu => _iommu is not null || _isNoIommuSet;

    /// <summary>Which uAPI its user finds (V6).</summary>
    public VfioUapi Uapi => _host.Options.Uapi;

    /// <summary>Mappings of the user there are now.</summary>
    public int MappingCount => _iommu?.MappingCount ?? 0;

    /// <summary>VFIO_CHECK_EXTENSION: 1 or 0, never an error. Updating addresses is a question to the backend, which is there from VFIO_SET_IOMMU on.</summary>
    public int CheckExtension(ulong extension) => extension switch
    {
        VfioIommuType.NoIommu => (_groups.Count == 0 ? _host.Options.EnableUnsafeNoIommu : IsNoIommu) ? 1 : 0,
        _ when IsNoIommu => 0,
        VfioIommuType.Type1 or VfioIommuType.Type1v2 or VfioIommuType.UnmapAll => 1,

        // VADDR's bit of MAP_DMA is the series' MSI_RESERVED_IOVA.
        VfioIommuType.UpdateVaddr when HasIommu && Uapi == VfioUapi.Mainline => 1,
        _ => 0,
    };

    /// <summary>VFIO_SET_IOMMU. EINVAL without a group or a second time; ENODEV for a type that is not here; EPERM by V3.</summary>
    public Result SetIommu(ulong type)
    {
        const string Operation = "VFIO_SET_IOMMU";
        if (_groups.Count == 0)
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name} has no group yet; VFIO_GROUP_SET_CONTAINER comes first");
        }

        if (HasIommu)
        {
            return _host.Refuse(Operation, Name, Errno.EINVAL, null, $"{Name} has its IOMMU type already");
        }

        if (IsNoIommu && type == VfioIommuType.NoIommu)
        {
            _isNoIommuSet = true;
            return Result.Ok;
        }

        if (IsNoIommu || type is not (VfioIommuType.Type1 or VfioIommuType.Type1v2))
        {
            // The kernel offers the number to each backend's open(): type1 knows this one as an extension only.
            Errno errno = type == VfioIommuType.UnmapAll ? Errno.EINVAL : Errno.ENODEV;
            return _host.Refuse(Operation, Name, errno, null, $"IOMMU type {type} is not supported: {(IsNoIommu ? "a noiommu group knows noiommu (8) only" : "type1 (1) and type1v2 (3) are")}");
        }

        Type1Iommu iommu = new(_host, Name, type == VfioIommuType.Type1v2);
        for (int i = 0; i < _groups.Count; i++)
        {
            Result attached = iommu.Attach(_groups[i].Group, Operation);
            if (!attached.IsOk)
            {
                while (--i >= 0)
                {
                    iommu.Detach(_groups[i].Group);
                }

                return attached;
            }
        }

        _iommu = iommu;
        return Result.Ok;
    }

    /// <summary>VFIO_IOMMU_GET_INFO; EINVAL before VFIO_SET_IOMMU.</summary>
    public Result<Type1Info> GetInfo() => _iommu is null ? NoBackend("VFIO_IOMMU_GET_INFO") : _iommu.GetInfo();

    /// <summary>
    /// VFIO_IOMMU_MAP_DMA. EINVAL: before VFIO_SET_IOMMU, flags, alignment, the MSI window or outside the usable ranges;
    /// EEXIST: overlap; EOVERFLOW: wraps; ENOSPC: too many mappings; EFAULT: the memory is not there; ENOMEM: RLIMIT_MEMLOCK.
    /// </summary>
    /// <param name="flags">READ, WRITE or both; or VADDR alone, which tells where the memory of a mapping is now (ENOENT: there is none).</param>
    /// <param name="virtualAddress">The client's address, bytes.</param>
    /// <param name="iova">Where the device sees it.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="memory">The client's address space.</param>
    public Result MapDma(VfioMapFlags flags, ulong virtualAddress, Iova iova, ulong size, IClientAddressSpace memory) =>
        _iommu?.Map(flags, virtualAddress, iova, size, memory) ?? NoBackend("VFIO_IOMMU_MAP_DMA");

    /// <summary>VFIO_IOMMU_UNMAP_DMA: bytes unmapped, 0 where nothing was there. EINVAL: before VFIO_SET_IOMMU, flags, alignment, cutting a mapping (v2); EOVERFLOW: wraps; EFAULT: the bits of a mapping cannot be written, and it stays.</summary>
    /// <param name="flags">None, ALL, VADDR (the mappings stay, their addresses are invalid until updated), or GET_DIRTY_BITMAP.</param>
    /// <param name="iova">First IOVA; 0 with ALL.</param>
    /// <param name="size">Bytes; 0 with ALL.</param>
    /// <param name="dirty">With GET_DIRTY_BITMAP: the bitmap; gets what was dirty of what is unmapped.</param>
    public Result<ulong> UnmapDma(VfioUnmapFlags flags, Iova iova, ulong size, VfioDirtyBitmap? dirty = null) =>
        _iommu?.Unmap(flags, iova, size, dirty) ?? NoBackend("VFIO_IOMMU_UNMAP_DMA");

    /// <summary>What VFIO_IOMMU_DIRTY_PAGES asks before it looks at its argument: EINVAL before VFIO_SET_IOMMU; EACCES: the container is of type1, not v2.</summary>
    public Result CheckTracksDirty() => _iommu?.CheckTracksDirty() ?? NoBackend("VFIO_IOMMU_DIRTY_PAGES");

    /// <summary>VFIO_IOMMU_DIRTY_PAGES with START or STOP. EINVAL: before VFIO_SET_IOMMU, other flags, or a mapping of more pages than a bitmap tells of; EACCES: the container is of type1, not v2.</summary>
    public Result ControlDirtyPages(VfioDirtyFlags flags) => _iommu?.ControlDirtyPages(flags) ?? NoBackend("VFIO_IOMMU_DIRTY_PAGES");

    /// <summary>VFIO_IOMMU_DIRTY_PAGES with GET_BITMAP. EINVAL: before VFIO_SET_IOMMU, not tracking, a range that is not of whole mappings, a bitmap that does not fit; EACCES as above.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="bitmap">Gets what is dirty.</param>
    public Result GetDirtyPages(Iova iova, ulong size, VfioDirtyBitmap bitmap) => _iommu?.GetDirtyPages(iova, size, bitmap) ?? NoBackend("VFIO_IOMMU_DIRTY_PAGES");

    /// <summary>The last reference to the file is gone. Nothing follows: what groups hold lives until they leave, and without a group there is nothing (captures, B.container_fd_close_first).</summary>
#pragma warning disable CA1822 // an operation of this container all the same, as every file has its release
    public void Release()
    {
    }
#pragma warning restore CA1822

    /// <inheritdoc/>
    Result IVfioContainer.Join(VfioGroup group, string operation)
    {
        if (group.Group.FindObstacle() is { } obstacle)
        {
            return _host.RefuseNotViable(operation, group.Name, group.Name, obstacle);
        }

        if (_groups.Count != 0 && IsNoIommu != group.Group.IsNoIommu)
        {
            return _host.Refuse(operation, group.Name, Errno.EPERM, null, $"{group.Name} and the groups of {Name} are not of one kind: one has an IOMMU, the other none");
        }

        if (_iommu is not null)
        {
            Result attached = _iommu.Attach(group.Group, operation);
            if (!attached.IsOk)
            {
                return attached;
            }
        }

        _groups.Add(group);
        return Result.Ok;
    }

    /// <inheritdoc/>
    void IVfioContainer.Leave(VfioGroup group)
    {
        _groups.Remove(group);
        _iommu?.Detach(group.Group);
        if (_groups.Count == 0)
        {
            // The kernel drops the backend with the last group: a group that joins later starts over.
            _iommu?.Release();
            _iommu = null;
            _isNoIommuSet = false;
        }
    }

    /// <inheritdoc/>
    Result IVfioContainer.Take(VfioGroup group, PassthroughDevice device, string operation)
    {
        if (group.Group.IsNoIommu)
        {
            _host.Events.Emit(new NoIommuDeviceOpened(device.Name));
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    void IVfioContainer.Give(PassthroughDevice device)
    {
    }

    private bool IsNoIommu => _groups.Count != 0 && _groups[0].Group.IsNoIommu;

    // Without translation there are no mappings: the backend knows none of these calls.
    private Result NoBackend(string operation) => _isNoIommuSet
        ? Result.Fail(Errno.ENOTTY, $"{Name} is in noiommu mode: {operation} means nothing there")
        : _host.Refuse(operation, Name, Errno.EINVAL, null, $"{Name} has no IOMMU type yet; VFIO_SET_IOMMU comes first");
}
