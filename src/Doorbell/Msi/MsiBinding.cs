using System.Numerics;
using Doorbell.Interrupts;
using Doorbell.Iommu;

namespace Doorbell.Msi;

/// <summary>One reference to a doorbell's mapping in an IOMMU domain (M4), or nothing where no mapping is needed (M7).</summary>
/// <param name="Domain">The domain the reference is held in; null where none is needed.</param>
/// <param name="Doorbell">Physical page of the doorbell.</param>
/// <param name="Page">IOVA of that page.</param>
internal readonly record struct MsiBinding(IommuDomain? Domain, PhysicalAddress Doorbell, Iova Page)
{
    // What mainline maps doorbells with: iommu_dma_sw_msi, prot 0x1a in its traces.
    private const IommuProtection Protection = IommuProtection.Write | IommuProtection.NoExec | IommuProtection.Mmio;

    /// <summary>Maps the doorbell's page, or takes one more reference (I4). Nothing is held when it fails.</summary>
    public static Result<MsiBinding> Get(IMsiDevice device, IommuDomain? domain, PhysicalAddress doorbell)
    {
        if (domain is null || !domain.MsiMapping)
        {
            return default(MsiBinding);
        }

        ulong granule = Granule(domain);
        PhysicalAddress page = new(doorbell.Value & ~(granule - 1));
        Result<Iova> iova = domain.GetReservedIova(page, granule, Protection);
        return iova.IsOk
            ? new MsiBinding(domain, page, iova.Value)
            : Result.Fail(iova.Errno, $"the doorbell {doorbell} of {device.Name} cannot be mapped (M4): {iova.Reason}");
    }

    /// <summary>Gives the reference back (I7).</summary>
    public void Put() => Domain?.PutReservedIova(Page);

    /// <summary>The message for the device: the doorbell's IOVA in place of its physical address, same offset in the page; false where this binding is not the doorbell's.</summary>
    public bool TryTranslate(in ComposedMessage composed, out MsiMessage message)
    {
        if (Domain is null)
        {
            message = new MsiMessage(composed.Doorbell.Value, composed.Data);
            return true;
        }

        ulong offset = composed.Doorbell.Value - Doorbell.Value;
        message = new MsiMessage(Page.Value + offset, composed.Data);
        return offset < Granule(Domain);
    }

    private static ulong Granule(IommuDomain domain) => 1ul << BitOperations.TrailingZeroCount(domain.PageSizes);
}
