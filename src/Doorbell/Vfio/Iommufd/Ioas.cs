using Doorbell.Fabric;
using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <summary>An I/O address space: the user's mappings, what may not be mapped, and the page tables that hold the mappings (struct io_pagetable).</summary>
/// <remarks>Results carry errno and sentence; the context records refusals. Memory is pinned while at least one table holds it, as the kernel does.</remarks>
internal sealed partial class Ioas(uint id, IommufdContext context) : IommufdObject(id)
{
    private readonly IovaMap _areas = new();
    private readonly List<Hwpt> _hwpts = [];

    public override string Kind => "IOAS";

    public IReadOnlyList<Hwpt> Hwpts => _hwpts;

    /// <summary>IOMMU_OPTION_HUGE_PAGES.</summary>
    public bool HugePages { get; private set; } = true;

    public bool HasUserMappings => _areas.ToList().Exists(static area => !((IoArea)area).Source.IsFile);

    // iopt_calculate_iova_alignment: the widest page any table needs; 1 while there is none.
    private ulong Alignment
    {
        get
        {
            ulong alignment = HugePages ? 1 : context.PageSize;
            foreach (Hwpt hwpt in _hwpts)
            {
                alignment = Math.Max(alignment, hwpt.Domain.Iommu.Format.Granule);
            }

            return alignment;
        }
    }

    public IoasIovaRanges GetRanges() => new(Unreserved(), Alignment);

    /// <summary>Maps the sources one after the other, at the IOVA given or where there is room; all or nothing.</summary>
    public Result<Iova> Map(IReadOnlyList<IoSource> sources, Iova? at, IommuProtection protection)
    {
        ulong length = 0;
        foreach (IoSource source in sources)
        {
            if (source.Length == 0)
            {
                return Result.Fail(Errno.EINVAL, "the length is zero");
            }

            ulong next = unchecked(length + source.Length);
            if (next < length || unchecked(source.Address + (source.Length - 1)) < source.Address)
            {
                return Result.Fail(Errno.EOVERFLOW, $"0x{source.Length:x} bytes from 0x{source.Address:x} on wrap around the end of the address space");
            }

            length = next;
        }

        if ((length & (Alignment - 1)) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"the length, 0x{length:x}, is not a multiple of 0x{Alignment:x}");
        }

        Result<Iova> place = at is { } wanted ? Check(wanted, length) : FindFree(length, sources[0].Address);
        if (!place.IsOk)
        {
            return place;
        }

        foreach (IoSource source in sources)
        {
            if ((protection & IommuProtection.Write) != 0 && !source.IsWritable)
            {
                return Result.Fail(Errno.EPERM, "what it is a copy of may not be written, so neither may the copy");
            }

            if ((source.Address & (context.PageSize - 1) & (Alignment - 1)) != 0)
            {
                return Result.Fail(Errno.EINVAL, $"the memory at 0x{source.Address:x} does not begin at a multiple of 0x{Alignment:x}");
            }
        }

        List<IoArea> added = [];
        Iova iova = place.Value;
        foreach (IoSource source in sources)
        {
            Result done = Add(iova, source, protection, added);
            if (!done.IsOk)
            {
                added.ForEach(Remove);
                return done;
            }

            iova += source.Length;
        }

        return place;
    }

    /// <summary>Bytes unmapped, 0 where nothing was there. ENOENT: a mapping sticks out of the range; those before it are gone then, as in the kernel.</summary>
    public Result<ulong> Unmap(Iova first, Iova last)
    {
        ulong unmapped = 0;
        while (_areas.FirstIn(first, last) is IoArea area)
        {
            if (area.Iova < first || area.Last > last)
            {
                return Result.Fail(Errno.ENOENT, $"{area.Iova}-{area.Last} is one mapping and is unmapped whole or not at all; {first}-{last} holds part of it");
            }

            unmapped += area.Size;
            Remove(area);
        }

        return unmapped;
    }

    public ulong UnmapAll()
    {
        ulong unmapped = 0;
        foreach (IovaSlot slot in _areas.ToList())
        {
            unmapped += slot.Size;
            Remove((IoArea)slot);
        }

        return unmapped;
    }

    /// <summary>What is mapped in a range, to be mapped elsewhere. ENOENT where a byte of it is not mapped.</summary>
    public Result<List<IoSource>> GetSources(Iova first, Iova last)
    {
        List<IoSource> sources = [];
        for (Iova at = first; ;)
        {
            if (_areas.At(at) is not IoArea area)
            {
                return Result.Fail(Errno.ENOENT, $"{at} in {first}-{last} is not mapped");
            }

            ulong offset = at.Value - area.Iova.Value;
            Iova end = area.Last < last ? area.Last : last;
            sources.Add(area.Source with { Address = area.Source.Address + offset, Length = end.Value - at.Value + 1 });
            if (end == last)
            {
                return sources;
            }

            at = end + 1;
        }
    }

    /// <summary>Type1's first version unmaps parts: a mapping that holds both the byte and the one before it becomes two. Only where tables have no huge pages (EINVAL), which could not be cut.</summary>
    public Result Cut(Iova at)
    {
        if (_areas.At(at) is not IoArea area || area.Iova == at)
        {
            return Result.Ok;
        }

        ulong head = at.Value - area.Iova.Value;
        if (HugePages || ((at.Value | (area.Source.Address + head)) & (Alignment - 1)) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"{area.Iova}-{area.Last} cannot be cut at {at}");
        }

        // The pages stay where they are in every table; what is pinned stays pinned.
        Result<ClientSpace> again = context.Host.Spaces.Get(area.Source.Memory);
        if (!again.IsOk)
        {
            return again.WithoutValue;
        }

        _areas.Remove(area);
        _areas.Add(new IoArea(area.Iova, area.Space, area.Source with { Length = head }, area.Protection));
        _areas.Add(new IoArea(at, again.Value, area.Source with { Address = area.Source.Address + head, Length = area.Size - head }, area.Protection));
        return Result.Ok;
    }

    /// <summary>EINVAL: tables hold mappings made of huge pages. EADDRINUSE: mappings are not whole pages.</summary>
    public Result SetHugePages(bool enabled)
    {
        if (!enabled && HugePages)
        {
            if (_hwpts.Count != 0 && _areas.Count != 0)
            {
                return Result.Fail(Errno.EINVAL, $"{this} has mappings in page tables already; unmap them first");
            }

            Result aligned = CheckAlignment(context.PageSize);
            if (!aligned.IsOk)
            {
                return aligned;
            }
        }

        HugePages = enabled;
        return Result.Ok;
    }

    public override void Destroy() => UnmapAll();

    private Result Add(Iova iova, in IoSource source, IommuProtection protection, List<IoArea> added)
    {
        Result<ClientSpace> space = context.Host.Spaces.Get(source.Memory);
        if (!space.IsOk)
        {
            return space.WithoutValue;
        }

        IoArea area = new(iova, space.Value, source, protection);
        Result pinned = _hwpts.Count == 0 ? Result.Ok : Pin(area);
        if (!pinned.IsOk)
        {
            context.Host.Spaces.Put(space.Value);
            return pinned;
        }

        for (int i = 0; i < _hwpts.Count; i++)
        {
            Result mapped = MapIn(_hwpts[i].Domain, area);
            if (!mapped.IsOk)
            {
                while (--i >= 0)
                {
                    _hwpts[i].Domain.Unmap(area.Iova, area.Size);
                }

                Unpin(area);
                context.Host.Spaces.Put(space.Value);
                return mapped;
            }
        }

        _areas.Add(area);
        added.Add(area);
        return Result.Ok;
    }

    private void Remove(IoArea area)
    {
        foreach (Hwpt hwpt in _hwpts)
        {
            hwpt.Domain.Unmap(area.Iova, area.Size);
        }

        _areas.Remove(area);
        if (_hwpts.Count != 0)
        {
            Unpin(area);
        }

        context.Host.Spaces.Put(area.Space);
    }

    private Result MapIn(IommuDomain domain, IoArea area)
    {
        ulong step = HugePages ? area.Size : domain.Iommu.Format.Granule;
        for (ulong done = 0; done < area.Size; done += step)
        {
            Result mapped = domain.Map(area.Iova + done, area.Space.AddressOf(area.Source.Address + done), step, area.Protection);
            if (!mapped.IsOk)
            {
                domain.Unmap(area.Iova, done);
                return mapped;
            }
        }

        return Result.Ok;
    }

    private static Result Pin(IoArea area)
    {
        IoSource source = area.Source;
        if (source.Address + (source.Length - 1) > PhysicalBus.LastVirtualAddress)
        {
            return Result.Fail(Errno.EFAULT, $"0x{source.Address:x} is beyond the 48 bits of a user address");
        }

        Errno pinned = source.Memory.Pin(source.Address, source.Length, (area.Protection & IommuProtection.Write) != 0);
        return pinned == Errno.None
            ? Result.Ok
            : Result.Fail(pinned, $"the client's memory 0x{source.Address:x}-0x{source.Address + (source.Length - 1):x} is not all there with the access asked for");
    }

    private static void Unpin(IoArea area) => area.Source.Memory.Unpin(area.Source.Address, area.Source.Length);
}
