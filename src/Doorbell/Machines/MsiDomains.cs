using Doorbell.Events;
using Doorbell.Gic;
using Doorbell.Msi;
using Doorbell.SocMsi;

namespace Doorbell.Machines;

/// <summary>The MSI domains that stand on MSI controllers, with what each can do.</summary>
public static class MsiDomains
{
    /// <summary>PCI MSI and MSI-X on an ITS: translated by requester (M2) unless something before it says who that is; vectors may be added later.</summary>
    public static MsiDomain PciMsi(ItsDomain its, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => new(
        $"{its.Name}-pci-msi",
        its,
        new MsiDomainInfo(MsiDomainFlags.MultiPciMsi | MsiDomainFlags.PciMsiX | MsiDomainFlags.DynamicMsiX | Remapping(its), mappingPoint),
        events);

    /// <summary>Platform MSI on an ITS: translated by requester too (M2).</summary>
    public static MsiDomain PlatformMsi(ItsDomain its, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => new(
        $"{its.Name}-platform-msi",
        its,
        new MsiDomainInfo(Remapping(its), mappingPoint),
        events);

    /// <summary>PCI MSI and MSI-X on v2m frames: not translated (M2), all MSI-X vectors at once.</summary>
    public static MsiDomain PciMsi(GicV2mDomain v2m, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => new(
        $"{v2m.Name}-pci-msi",
        v2m,
        new MsiDomainInfo(MsiDomainFlags.MultiPciMsi | MsiDomainFlags.PciMsiX, mappingPoint),
        events);

    /// <summary>PCI MSI and MSI-X on a controller outside the GIC: not translated, all MSI-X vectors at once.</summary>
    public static MsiDomain PciMsi(SocMsiDomain controller, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => new(
        $"{controller.Name}-pci",
        controller,
        new MsiDomainInfo(MsiDomainFlags.MultiPciMsi | MsiDomainFlags.PciMsiX, mappingPoint),
        events);

    /// <summary>Platform MSI on v2m frames.</summary>
    public static MsiDomain PlatformMsi(GicV2mDomain v2m, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => new(
        $"{v2m.Name}-platform-msi",
        v2m,
        new MsiDomainInfo(MsiDomainFlags.None, mappingPoint),
        events);

    private static MsiDomainFlags Remapping(ItsDomain its) => its.HasIsolatedMsi ? MsiDomainFlags.IrqRemapping : MsiDomainFlags.None;
}
