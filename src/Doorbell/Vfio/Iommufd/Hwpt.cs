using System.Numerics;
using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <summary>A hardware page table of an IOAS: an IOMMU domain that holds the IOAS's mappings and, once a device uses it, doorbells (I9).</summary>
internal sealed class Hwpt(uint id, IommufdContext context, Ioas ioas, IommuDomain domain, bool isAuto) : IommufdObject(id)
{
    public Ioas Ioas { get; } = ioas;

    public IommuDomain Domain { get; } = domain;

    /// <summary>Made by attaching a device to the IOAS; it goes when its last device leaves.</summary>
    public bool IsAuto { get; } = isAuto;

    public override string Kind => "HWPT";

    /// <summary>
    /// The window for doorbells, at the places of the context's table. What it has mapped stays as long as the table does, so its
    /// IOVAs stay reserved as long, also while no device is attached (N5).
    /// </summary>
    public Result AddWindow(ReservedRegion region)
    {
        if (!Domain.MsiMapping)
        {
            return Result.Ok;
        }

        if (Domain.ReservedIovas is { } window)
        {
            return window.Base == region.Base && window.Size == region.Size
                ? Result.Ok
                : Result.Fail(Errno.EINVAL, $"{this} has its window for doorbells at {window.Base}-{window.Last}, the device's is {region.Base}-{region.Last}");
        }

        Result reserved = Ioas.Reserve(new IovaRange(region.Base, region.Last), this, "the window for MSI doorbells");
        if (!reserved.IsOk)
        {
            return reserved;
        }

        return Domain.AllocateReservedIovaDomain(region.Base, region.Size, BitOperations.TrailingZeroCount(Domain.PageSizes), context.MsiTable);
    }

    public override void Destroy()
    {
        Ioas.RemoveDomain(this);
        Domain.Free();
    }
}
