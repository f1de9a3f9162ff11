using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <content>Address spaces: what is mapped where.</content>
public sealed partial class IommufdContext
{
    /// <summary>IOMMU_IOAS_ALLOC: its number. EOPNOTSUPP: any flag.</summary>
    public Result<uint> AllocateIoas(uint flags = 0) => flags != 0
        ? Refuse("IOMMU_IOAS_ALLOC", Errno.EOPNOTSUPP, null, $"flags 0x{flags:x}: there are none")
        : _objects.Add(id => new Ioas(id, this)).Id;

    /// <summary>IOMMU_IOAS_IOVA_RANGES. The caller's array may be too small: <see cref="IoasIovaRanges.CheckRoom"/>.</summary>
    public Result<IoasIovaRanges> GetIovaRanges(uint ioas) =>
        _objects.Find<Ioas>(ioas) is { } space ? space.GetRanges() : Absent("IOMMU_IOAS_IOVA_RANGES", "IOAS", ioas);

    /// <summary>IOMMU_IOAS_ALLOW_IOVAS: ranges that must stay usable, whatever is attached later; none for all. Mappings without a fixed IOVA go there, and others may.</summary>
    /// <returns>EINVAL: an empty range, or two overlap. EADDRINUSE: one is reserved now (N5).</returns>
    public Result AllowIovas(uint ioas, ReadOnlySpan<IovaRange> ranges)
    {
        const string Operation = "IOMMU_IOAS_ALLOW_IOVAS";
        if (_objects.Find<Ioas>(ioas) is not { } space)
        {
            return Absent(Operation, "IOAS", ioas);
        }

        Result allowed = space.Allow(ranges);
        return allowed.IsOk ? allowed : Refuse(Operation, allowed.Errno, allowed.Errno == Errno.EADDRINUSE ? "N5" : null, allowed.Reason);
    }

    /// <summary>IOMMU_IOAS_MAP: the IOVA.</summary>
    /// <param name="flags">What devices may do, and whether <paramref name="iova"/> counts.</param>
    /// <param name="ioas">The IOAS.</param>
    /// <param name="virtualAddress">The client's address, bytes.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="iova">Where, with <see cref="IoasMapFlags.FixedIova"/>; not looked at without.</param>
    /// <param name="memory">The client's address space.</param>
    /// <returns>
    /// EOPNOTSUPP: unknown flags. EINVAL: no access allowed, length zero, alignment, a reserved range (N5). EOVERFLOW: wraps. EEXIST: overlap.
    /// ENOSPC: no room for a mapping without a fixed IOVA. EFAULT: the memory is not there (asked only once a table holds it).
    /// </returns>
    public Result<Iova> Map(IoasMapFlags flags, uint ioas, ulong virtualAddress, ulong length, Iova iova, IClientAddressSpace memory) =>
        Map("IOMMU_IOAS_MAP", flags, ioas, virtualAddress, length, iova, memory, isFile: false);

    /// <summary>IOMMU_IOAS_MAP_FILE: as <see cref="Map(IoasMapFlags, uint, ulong, ulong, Iova, IClientAddressSpace)"/>, of a file.</summary>
    /// <param name="flags">What devices may do, and whether <paramref name="iova"/> counts.</param>
    /// <param name="ioas">The IOAS.</param>
    /// <param name="file">The file: its addresses are offsets.</param>
    /// <param name="start">First byte of it.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="iova">Where, with <see cref="IoasMapFlags.FixedIova"/>.</param>
    public Result<Iova> MapFile(IoasMapFlags flags, uint ioas, IClientAddressSpace file, ulong start, ulong length, Iova iova) =>
        Map("IOMMU_IOAS_MAP_FILE", flags, ioas, start, length, iova, file, isFile: true);

    /// <summary>IOMMU_IOAS_COPY: maps what another IOAS (or the same) has mapped in a range; the destination's IOVA.</summary>
    /// <returns>As <see cref="Map(IoasMapFlags, uint, ulong, ulong, Iova, IClientAddressSpace)"/>; ENOENT: not all of the source is mapped. EPERM: more access than the source's mapping has.</returns>
    public Result<Iova> Copy(IoasMapFlags flags, uint destination, uint source, ulong length, Iova destinationIova, Iova sourceIova)
    {
        const string Operation = "IOMMU_IOAS_COPY";
        Result judged = CheckMapFlags(Operation, flags, destinationIova, length);
        if (!judged.IsOk)
        {
            return judged;
        }

        if (_objects.Find<Ioas>(source) is not { } from)
        {
            return Absent(Operation, "IOAS", source);
        }

        if (length == 0 || sourceIova + (length - 1) < sourceIova)
        {
            return Refuse(Operation, length == 0 ? Errno.EINVAL : Errno.EOVERFLOW, null, $"0x{length:x} bytes from IOVA {sourceIova} on are no range");
        }

        Result<List<IoSource>> sources = from.GetSources(sourceIova, sourceIova + (length - 1));
        if (!sources.IsOk)
        {
            return Refuse(Operation, sources.Errno, null, $"{from}: {sources.Reason}");
        }

        return _objects.Find<Ioas>(destination) is { } to
            ? MapIn(Operation, to, flags, sources.Value, destinationIova)
            : Absent(Operation, "IOAS", destination);
    }

    /// <summary>IOMMU_IOAS_UNMAP: bytes unmapped. Whole mappings only; IOVA 0 with length 2^64 - 1 is everything, and may be nothing.</summary>
    /// <returns>EINVAL: length zero. EOVERFLOW: wraps. ENOENT: nothing mapped in the range, or a mapping that it holds part of.</returns>
    public Result<ulong> Unmap(uint ioas, Iova iova, ulong length)
    {
        const string Operation = "IOMMU_IOAS_UNMAP";
        if (_objects.Find<Ioas>(ioas) is not { } space)
        {
            return Absent(Operation, "IOAS", ioas);
        }

        if (iova.Value == 0 && length == ulong.MaxValue)
        {
            return space.UnmapAll();
        }

        Result<ulong> unmapped = iova.Value == ulong.MaxValue || length == ulong.MaxValue || (length != 0 && iova + (length - 1) < iova)
            ? Result.Fail(Errno.EOVERFLOW, $"0x{length:x} bytes from IOVA {iova} on wrap around the end of the address space")
            : length == 0
                ? Result.Fail(Errno.EINVAL, "the length is zero")
                : space.Unmap(iova, iova + (length - 1));
        if (unmapped is { IsOk: true, Value: 0 })
        {
            unmapped = Result.Fail(Errno.ENOENT, $"nothing is mapped in {iova}, 0x{length:x} bytes");
        }

        // Clients unmap to be sure: that nothing was there is an answer, not a refusal that needs telling.
        return unmapped.IsOk || unmapped.Errno == Errno.ENOENT
            ? unmapped
            : Refuse(Operation, unmapped.Errno, null, $"{space}: {unmapped.Reason}");
    }

    /// <summary>IOMMU_IOAS_CHANGE_PROCESS: the mappings are charged to the calling process from now on. EINVAL while a mapping is of a process's memory and not of a file.</summary>
    public Result ChangeProcess()
    {
        foreach (IommufdObject each in _objects.All)
        {
            if (each is Ioas { HasUserMappings: true })
            {
                return Refuse("IOMMU_IOAS_CHANGE_PROCESS", Errno.EINVAL, null, $"{each} maps memory of a process; only mappings of files can change hands");
            }
        }

        return Result.Ok;
    }

    /// <summary>IOMMU_VFIO_IOAS with GET: the IOAS that containers of this context use. ENODEV: none.</summary>
    public Result<uint> GetVfioIoas() => _vfioIoas is null
        ? Refuse("IOMMU_VFIO_IOAS", Errno.ENODEV, null, $"{Name} has no IOAS for containers")
        : _vfioIoas.Id;

    /// <summary>IOMMU_VFIO_IOAS with SET.</summary>
    public Result SetVfioIoas(uint ioas)
    {
        if (_objects.Find<Ioas>(ioas) is not { } space)
        {
            return Absent("IOMMU_VFIO_IOAS", "IOAS", ioas);
        }

        _vfioIoas = space;
        return Result.Ok;
    }

    /// <summary>IOMMU_VFIO_IOAS with CLEAR.</summary>
    public void ClearVfioIoas() => _vfioIoas = null;

    internal Ioas? VfioIoas => _vfioIoas;

    /// <summary>The IOAS that containers use is made with the first group, where the user named none; he may ask for its number.</summary>
    internal void EnsureVfioIoas() => _vfioIoas ??= _objects.Add(id => new Ioas(id, this));

    private Result<Iova> Map(string operation, IoasMapFlags flags, uint ioas, ulong address, ulong length, Iova iova, IClientAddressSpace memory, bool isFile)
    {
        Result judged = CheckMapFlags(operation, flags, iova, length);
        if (!judged.IsOk)
        {
            return judged;
        }

        if (_objects.Find<Ioas>(ioas) is not { } space)
        {
            return Absent(operation, "IOAS", ioas);
        }

        IoSource source = new(memory, address, length, (flags & IoasMapFlags.Writeable) != 0, isFile);
        return MapIn(operation, space, flags, [source], iova);
    }

    internal Result<Iova> MapIn(string operation, Ioas space, IoasMapFlags flags, IReadOnlyList<IoSource> sources, Iova iova)
    {
        // iommufd maps as cache coherent always: it offers no way to flush.
        IommuProtection protection = IommuProtection.Cache;
        protection |= (flags & IoasMapFlags.Readable) != 0 ? IommuProtection.Read : IommuProtection.None;
        protection |= (flags & IoasMapFlags.Writeable) != 0 ? IommuProtection.Write : IommuProtection.None;
        Result<Iova> mapped = space.Map(sources, (flags & IoasMapFlags.FixedIova) != 0 ? iova : null, protection);
        return mapped.IsOk ? mapped : Refuse(operation, mapped.Errno, mapped.Errno is Errno.EEXIST ? "N5" : null, $"{space}: {mapped.Reason}");
    }

    private Result CheckMapFlags(string operation, IoasMapFlags flags, Iova iova, ulong length)
    {
        if ((flags & ~IoasMapFlags.All) != 0)
        {
            return Refuse(operation, Errno.EOPNOTSUPP, null, $"flags 0x{(uint)flags:x} are unknown");
        }

        if (iova.Value == ulong.MaxValue || length == ulong.MaxValue)
        {
            return Refuse(operation, Errno.EOVERFLOW, null, $"0x{length:x} bytes at IOVA {iova} are no range");
        }

        return (flags & (IoasMapFlags.Readable | IoasMapFlags.Writeable)) == 0
            ? Refuse(operation, Errno.EINVAL, null, "a mapping allows reading (4), writing (2) or both")
            : Result.Ok;
    }
}
