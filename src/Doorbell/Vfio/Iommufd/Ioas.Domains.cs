namespace Doorbell.Vfio.Iommufd;

/// <content>The page tables that hold the mappings.</content>
internal sealed partial class Ioas
{
    /// <summary>Fills a new table with every mapping (iopt_table_add_domain). EADDRINUSE: a mapping is not of whole pages or lies beyond what the IOMMU translates. EFAULT: memory that is mapped is not there. Nothing has changed then.</summary>
    public Result AddDomain(Hwpt hwpt)
    {
        Result fits = CheckAlignment(hwpt.Domain.Iommu.Format.Granule);
        if (!fits.IsOk)
        {
            return fits;
        }

        Iova end = hwpt.Domain.ApertureEnd;
        Result reserved = end.Value == ulong.MaxValue
            ? Result.Ok
            : Reserve(new IovaRange(end + 1, new Iova(ulong.MaxValue)), hwpt, $"beyond what {hwpt.Domain.Iommu.Name} translates");
        if (!reserved.IsOk)
        {
            return reserved;
        }

        List<IovaSlot> areas = _areas.ToList();
        for (int i = 0; i < areas.Count; i++)
        {
            IoArea area = (IoArea)areas[i];
            Result filled = _hwpts.Count == 0 ? Pin(area) : Result.Ok;
            if (filled.IsOk)
            {
                filled = MapIn(hwpt.Domain, area);
                if (!filled.IsOk && _hwpts.Count == 0)
                {
                    Unpin(area);
                }
            }

            if (!filled.IsOk)
            {
                Empty(hwpt, areas.GetRange(0, i));
                Unreserve(hwpt);
                return filled;
            }
        }

        _hwpts.Add(hwpt);
        Users++;
        return Result.Ok;
    }

    /// <summary>The table goes: it holds no mapping afterwards, and what it kept from the user is the user's.</summary>
    public void RemoveDomain(Hwpt hwpt)
    {
        if (!_hwpts.Remove(hwpt))
        {
            return;
        }

        Empty(hwpt, _areas.ToList());
        Unreserve(hwpt);
        Users--;
    }

    private void Empty(Hwpt hwpt, List<IovaSlot> areas)
    {
        foreach (IovaSlot slot in areas)
        {
            IoArea area = (IoArea)slot;
            hwpt.Domain.Unmap(area.Iova, area.Size);
            if (_hwpts.Count == 0)
            {
                Unpin(area);
            }
        }
    }

    private Result CheckAlignment(ulong alignment)
    {
        foreach (IovaSlot slot in _areas.ToList())
        {
            IoArea area = (IoArea)slot;
            if (!area.IsAligned(alignment, context.PageSize))
            {
                return Result.Fail(Errno.EADDRINUSE, $"{this} has {area.Iova}-{area.Last} mapped, which is not in whole pages of 0x{alignment:x}");
            }
        }

        return Result.Ok;
    }
}
