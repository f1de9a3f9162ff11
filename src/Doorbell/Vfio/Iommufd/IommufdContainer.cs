namespace Doorbell.Vfio.Iommufd;

/// <summary>
/// The ioctls of /dev/vfio/vfio asked of /dev/iommu (drivers/iommu/iommufd/vfio_compat.c): one IOAS for every group put into it,
/// to be had by number too (IOMMU_VFIO_IOAS).
/// </summary>
public sealed class IommufdContainer : IVfioContainer
{
    private readonly IommufdContext _context;
    private readonly Dictionary<PassthroughDevice, IommufdDevice> _devices = [];

    internal IommufdContainer(IommufdContext context) => _context = context;

    /// <summary>Its name in events and sentences.</summary>
    public string Name => _context.Name;

    /// <summary>VFIO_SET_IOMMU is not waited for: groups put into an iommufd have their IOAS at once.</summary>
    bool IVfioContainer.HasIommu => true;

    internal int GroupCount { get; private set; }

    /// <summary>VFIO_CHECK_EXTENSION: 1 or 0.</summary>
    public static int CheckExtension(ulong extension) => extension switch
    {
        VfioIommuType.Type1 or VfioIommuType.Type1v2 or VfioIommuType.UnmapAll or VfioIommuType.DmaCacheCoherent => 1,
        _ => 0,
    };

    /// <summary>VFIO_SET_IOMMU. EINVAL: neither type1 nor type1v2, or type1 when huge pages are mapped already; ENODEV: no group and no IOAS yet.</summary>
    public Result SetIommu(ulong type)
    {
        const string Operation = "VFIO_SET_IOMMU";
        if (type is not (VfioIommuType.Type1 or VfioIommuType.Type1v2))
        {
            return _context.Refuse(Operation, Errno.EINVAL, null, $"IOMMU type {type} is not supported by an iommufd: type1 (1) and type1v2 (3) are");
        }

        if (_context.VfioIoas is not { } ioas)
        {
            return NoIoas(Operation);
        }

        // Type1's first version may unmap a part of what was mapped; that needs tables without huge pages.
        Result set = type == VfioIommuType.Type1 ? ioas.SetHugePages(false) : Result.Ok;
        return set.IsOk ? set : _context.Refuse(Operation, set.Errno, null, set.Reason);
    }

    /// <summary>VFIO_IOMMU_GET_INFO (V2). ENODEV: no IOAS.</summary>
    public Result<Type1Info> GetInfo()
    {
        if (_context.VfioIoas is not { } ioas)
        {
            return NoIoas("VFIO_IOMMU_GET_INFO");
        }

        ulong sizes = ~(_context.PageSize - 1);
        foreach (Hwpt hwpt in ioas.Hwpts)
        {
            sizes &= hwpt.Domain.PageSizes;
        }

        return new Type1Info(sizes, ioas.GetRanges().Ranges, uint.MaxValue);
    }

    /// <summary>VFIO_IOMMU_MAP_DMA: as IOMMU_IOAS_MAP at a fixed IOVA. ENODEV: no IOAS.</summary>
    /// <param name="flags">READ, WRITE or both.</param>
    /// <param name="virtualAddress">The client's address, bytes.</param>
    /// <param name="iova">Where the device sees it.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="memory">The client's address space.</param>
    public Result MapDma(VfioMapFlags flags, ulong virtualAddress, Iova iova, ulong size, IClientAddressSpace memory)
    {
        const string Operation = "VFIO_IOMMU_MAP_DMA";
        if ((flags & ~(VfioMapFlags.Read | VfioMapFlags.Write)) != 0 || flags == VfioMapFlags.None)
        {
            return _context.Refuse(Operation, Errno.EINVAL, null, $"flags 0x{(uint)flags:x} are not READ (1), WRITE (2) or both");
        }

        if (_context.VfioIoas is not { } ioas)
        {
            return NoIoas(Operation);
        }

        IoasMapFlags wanted = IoasMapFlags.FixedIova;
        wanted |= (flags & VfioMapFlags.Read) != 0 ? IoasMapFlags.Readable : IoasMapFlags.None;
        wanted |= (flags & VfioMapFlags.Write) != 0 ? IoasMapFlags.Writeable : IoasMapFlags.None;
        return _context.MapIn(Operation, ioas, wanted, [new IoSource(memory, virtualAddress, size, (flags & VfioMapFlags.Write) != 0, IsFile: false)], iova).WithoutValue;
    }

    /// <summary>VFIO_IOMMU_UNMAP_DMA: bytes unmapped, 0 where nothing was there.</summary>
    /// <param name="flags">ALL, or nothing.</param>
    /// <param name="iova">First.</param>
    /// <param name="size">Bytes.</param>
    /// <returns>EINVAL: flags, size zero, ALL with a range, or type1 cutting inside a page. ENOENT: a mapping that the range holds part of (type1v2). EOVERFLOW: wraps. ENODEV: no IOAS.</returns>
    public Result<ulong> UnmapDma(VfioUnmapFlags flags, Iova iova, ulong size)
    {
        const string Operation = "VFIO_IOMMU_UNMAP_DMA";
        bool isAll = flags == VfioUnmapFlags.All;
        if ((flags != VfioUnmapFlags.None && !isAll) || (isAll && (iova.Value != 0 || size != 0)) || (!isAll && size == 0))
        {
            return _context.Refuse(Operation, Errno.EINVAL, null, $"flags 0x{(uint)flags:x}, iova {iova}, size 0x{size:x}: ALL (2) with neither, or no flag and a range");
        }

        if (_context.VfioIoas is not { } ioas)
        {
            return NoIoas(Operation);
        }

        if (isAll)
        {
            return ioas.UnmapAll();
        }

        Iova last = iova + (size - 1);
        Result<ulong> unmapped = last < iova
            ? Result.Fail(Errno.EOVERFLOW, $"0x{size:x} bytes from IOVA {iova} on wrap around the end of the address space")
            : Unmap(ioas, iova, last);
        return unmapped.IsOk ? unmapped : _context.Refuse(Operation, unmapped.Errno, null, $"{ioas}: {unmapped.Reason}");
    }

    /// <inheritdoc/>
    Result IVfioContainer.Join(VfioGroup group, string operation)
    {
        _context.EnsureVfioIoas();
        GroupCount++;
        return Result.Ok;
    }

    /// <inheritdoc/>
    void IVfioContainer.Leave(VfioGroup group)
    {
        GroupCount--;
        _context.ReleaseIfUnused();
    }

    /// <inheritdoc/>
    Result IVfioContainer.Take(VfioGroup group, PassthroughDevice device, string operation)
    {
        if (_context.VfioIoas is not { } ioas)
        {
            return NoIoas(operation);
        }

        Result<IommufdDevice> bound = _context.Bind(device, group, operation);
        if (!bound.IsOk)
        {
            return bound.WithoutValue;
        }

        Result<uint> attached = _context.Attach(bound.Value, ioas.Id, operation);
        if (!attached.IsOk)
        {
            _context.Unbind(bound.Value);
            return attached.WithoutValue;
        }

        _devices.Add(device, bound.Value);
        return Result.Ok;
    }

    /// <inheritdoc/>
    void IVfioContainer.Give(PassthroughDevice device)
    {
        if (_devices.Remove(device, out IommufdDevice? bound))
        {
            _context.Unbind(bound);
        }
    }

    private static Result<ulong> Unmap(Ioas ioas, Iova first, Iova last)
    {
        if (!ioas.HugePages)
        {
            Result head = ioas.Cut(first);
            Result tail = !head.IsOk || last.Value == ulong.MaxValue ? head : ioas.Cut(last + 1);
            if (!tail.IsOk)
            {
                return tail;
            }
        }

        return ioas.Unmap(first, last);
    }

    private Result NoIoas(string operation) =>
        _context.Refuse(operation, Errno.ENODEV, null, $"{Name} has no IOAS for containers: put a group into it, or name one by IOMMU_VFIO_IOAS");
}
