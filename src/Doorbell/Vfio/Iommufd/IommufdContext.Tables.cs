using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <content>Page tables (HWPTs), what the hardware says, and devices going through them.</content>
public sealed partial class IommufdContext
{
    /// <summary>IOMMU_HWPT_ALLOC: a table of an IOAS for a device's IOMMU, filled with the IOAS's mappings; its number.</summary>
    /// <param name="flags">What it must be able to do.</param>
    /// <param name="device">A bound device.</param>
    /// <param name="parent">The IOAS, or for a guest's table the HWPT below it.</param>
    /// <param name="dataType">What the driver's data is.</param>
    /// <param name="dataLength">Its bytes.</param>
    /// <returns>
    /// EINVAL: data without a type or a type without data, or the parent is neither IOAS nor HWPT. ENOENT: no such device. EOPNOTSUPP: unknown flags,
    /// dirty tracking, driver's data or a guest's table: no unit here nests. EADDRINUSE, EFAULT: the IOAS has mappings the table cannot hold.
    /// </returns>
    public Result<uint> AllocateHwpt(HwptAllocFlags flags, uint device, uint parent, HwptDataType dataType = HwptDataType.None, uint dataLength = 0)
    {
        const string Operation = "IOMMU_HWPT_ALLOC";
        if (dataType == HwptDataType.None != (dataLength == 0))
        {
            return Refuse(Operation, Errno.EINVAL, null, $"{dataLength} bytes of data of type {dataType}: a type has data and no type has none");
        }

        if (_objects.Find<IommufdDevice>(device) is not { } bound)
        {
            return Absent(Operation, "device", device);
        }

        switch (_objects.Find<IommufdObject>(parent))
        {
            case Ioas ioas:
                Result<Hwpt> created = CheckTable(flags, dataType, out string? lacking)
                    ? CreateHwpt(ioas, bound, isAuto: false)
                    : Result.Fail(Errno.EOPNOTSUPP, lacking);
                return created.IsOk ? created.Value.Id : Refuse(Operation, created.Errno, null, created.Reason);
            case Hwpt below:
                return Refuse(Operation, Errno.EOPNOTSUPP, null, $"a table on {below}: {bound.Device.Iommu!.Name} does not nest a guest's tables");
            default:
                return Refuse(Operation, Errno.EINVAL, null, $"{Name} has no IOAS or HWPT {parent}");
        }
    }

    /// <summary>IOMMU_HWPT_SET_DIRTY_TRACKING. EOPNOTSUPP: unknown flags, and every table: none tracks. ENOENT.</summary>
    /// <param name="hwpt">The table.</param>
    /// <param name="flags">1: on; 0: off.</param>
    public Result SetDirtyTracking(uint hwpt, uint flags) => RefuseDirty("IOMMU_HWPT_SET_DIRTY_TRACKING", hwpt, flags);

    /// <summary>IOMMU_HWPT_GET_DIRTY_BITMAP. EOPNOTSUPP: unknown flags, and every table: none tracks. ENOENT.</summary>
    /// <param name="hwpt">The table.</param>
    /// <param name="flags">1: leave what is read as it is.</param>
    public Result GetDirtyBitmap(uint hwpt, uint flags) => RefuseDirty("IOMMU_HWPT_GET_DIRTY_BITMAP", hwpt, flags);

    /// <summary>IOMMU_VIOMMU_ALLOC: EOPNOTSUPP, no unit here offers a virtual one; ENOENT: no such device.</summary>
    public Result<uint> AllocateViommu(uint device) => _objects.Find<IommufdDevice>(device) is { } bound
        ? Refuse("IOMMU_VIOMMU_ALLOC", Errno.EOPNOTSUPP, null, $"{bound.Device.Iommu!.Name} offers no virtual IOMMU")
        : Absent("IOMMU_VIOMMU_ALLOC", "device", device);

    /// <summary>IOMMU_VDEVICE_ALLOC: ENOENT, there is never a virtual IOMMU to put it on.</summary>
    public Result<uint> AllocateVdevice(uint viommu) => Absent("IOMMU_VDEVICE_ALLOC", "virtual IOMMU", viommu);

    /// <summary>IOMMU_GET_HW_INFO. ENOENT: no such device.</summary>
    public Result<IommufdHardwareInfo> GetHardwareInfo(uint device) => _objects.Find<IommufdDevice>(device) is { } bound
        ? HardwareInfo.Of(bound.Device.Iommu!)
        : Absent("IOMMU_GET_HW_INFO", "device", device);

    /// <summary>VFIO_DEVICE_ATTACH_IOMMUFD_PT's half here: through a table of the IOAS, or the table named, from whatever it went through before; the table's number.</summary>
    internal Result<uint> Attach(IommufdDevice device, uint id, string operation)
    {
        Result<Hwpt> attached = _objects.Find<IommufdObject>(id) switch
        {
            Hwpt hwpt => Through(device, hwpt),
            Ioas ioas => ThroughSome(device, ioas),
            null => Result.Fail(Errno.ENOENT, $"{Name} has no IOAS or HWPT {id}"),
            { } other => Result.Fail(Errno.EINVAL, $"{other} is neither an IOAS nor a HWPT"),
        };
        return attached.IsOk
            ? attached.Value.Id
            : Host.Refuse(operation, device.Device.Name, attached.Errno, attached.Errno == Errno.EADDRINUSE ? "N5" : null, $"{device.Device.Name} cannot be attached: {attached.Reason}");
    }

    private static Result<Hwpt> Through(IommufdDevice device, Hwpt hwpt)
    {
        Result done = device.IsAttached ? device.Group.Replace(hwpt) : device.Group.Attach(device, hwpt);
        return done.IsOk ? hwpt : done;
    }

    // iommufd_device_auto_get_domain: a table that attaching made before, if the device can go through it, or a new one.
    private Result<Hwpt> ThroughSome(IommufdDevice device, Ioas ioas)
    {
        foreach (Hwpt hwpt in ioas.Hwpts.ToList())
        {
            if (!hwpt.IsAuto)
            {
                continue;
            }

            Result<Hwpt> through = Through(device, hwpt);
            if (through.IsOk || through.Errno != Errno.EINVAL)
            {
                return through;
            }
        }

        Result<Hwpt> created = CreateHwpt(ioas, device, isAuto: true);
        if (!created.IsOk)
        {
            return created;
        }

        Result<Hwpt> attached = Through(device, created.Value);
        DropIfUnused(created.Value);
        return attached;
    }

    private Result<Hwpt> CreateHwpt(Ioas ioas, IommufdDevice device, bool isAuto)
    {
        IommuDomain domain = device.Device.Iommu!.AllocateDomain(IommuDomainType.Unmanaged);
        Hwpt hwpt = _objects.Add(id => new Hwpt(id, this, ioas, domain, isAuto));
        Result filled = ioas.AddDomain(hwpt);
        if (!filled.IsOk)
        {
            Drop(hwpt);
            return filled;
        }

        return hwpt;
    }

    private static bool CheckTable(HwptAllocFlags flags, HwptDataType dataType, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? lacking)
    {
        lacking = (flags & ~HwptAllocFlags.All) != 0 ? $"flags 0x{(uint)flags:x} are unknown"
            : (flags & HwptAllocFlags.DirtyTracking) != 0 ? "no unit here tracks dirty pages"
            : (flags & HwptAllocFlags.FaultIdValid) != 0 ? "no device here sends page requests"
            : dataType != HwptDataType.None ? $"a table of an IOAS takes no data of type {dataType}"
            : null;
        return lacking is null;
    }

    private Result RefuseDirty(string operation, uint hwpt, uint flags)
    {
        if ((flags & ~1u) != 0)
        {
            return Refuse(operation, Errno.EOPNOTSUPP, null, $"flags 0x{flags:x} are unknown");
        }

        return _objects.Find<Hwpt>(hwpt) is { } table
            ? Refuse(operation, Errno.EOPNOTSUPP, null, $"{table}: {table.Domain.Iommu.Name} does not track dirty pages")
            : Absent(operation, "HWPT", hwpt);
    }
}
