using Doorbell.Events;
using Doorbell.Gic;
using Doorbell.Interrupts;
using Doorbell.Msi;
using Doorbell.SocMsi;
using Doorbell.X86;

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

    /// <summary>Platform MSI on the controller that a PCI MSI domain stands on: isolated as that is (M2), and mapping doorbells when that does (M8).</summary>
    public static MsiDomain PlatformMsi(MsiDomain pciMsi, EventStream events)
    {
        IrqDomain controller = pciMsi.Parent ?? throw new ArgumentException($"{pciMsi.Name} stands on no controller.", nameof(pciMsi));
        return new MsiDomain($"{controller.Name}-platform-msi", controller, new MsiDomainInfo(pciMsi.Info.Flags & MsiDomainFlags.IrqRemapping, pciMsi.MappingPoint), events);
    }

    private static MsiDomainFlags Remapping(ItsDomain its) => its.HasIsolatedMsi ? MsiDomainFlags.IrqRemapping : MsiDomainFlags.None;

    /// <summary>PCI MSI and MSI-X straight to the APICs: not translated (M2), one PCI MSI vector a device (Linux, X86_VECTOR_MSI_FLAGS_SUPPORTED).</summary>
    public static MsiDomain PciMsi(ApicDomain apic, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => new(
        $"{apic.Name}-pci-msi",
        apic,
        new MsiDomainInfo(MsiDomainFlags.PciMsiX | MsiDomainFlags.DynamicMsiX, mappingPoint),
        events);

    /// <summary>PCI MSI and MSI-X through VT-d's interrupt remapping: translated by requester (M2).</summary>
    public static MsiDomain PciMsi(VtdDomain remapping, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => Remapped(remapping, events, mappingPoint);

    /// <summary>PCI MSI and MSI-X through AMD-Vi's interrupt remapping: translated by requester (M2).</summary>
    public static MsiDomain PciMsi(AmdDomain remapping, EventStream events, MappingPoint mappingPoint = MappingPoint.Alloc) => Remapped(remapping, events, mappingPoint);

    private static MsiDomain Remapped(IrqDomain remapping, EventStream events, MappingPoint mappingPoint) => new(
        $"{remapping.Name}-pci-msi",
        remapping,
        new MsiDomainInfo(MsiDomainFlags.MultiPciMsi | MsiDomainFlags.PciMsiX | MsiDomainFlags.DynamicMsiX | MsiDomainFlags.IrqRemapping, mappingPoint),
        events);
}
