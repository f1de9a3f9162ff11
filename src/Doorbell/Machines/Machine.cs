using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Machines;

/// <summary>A described machine, built: its bus, IOMMUs, MSI domains, PCI functions and groups. <see cref="MachineBuilder"/> makes it.</summary>
public sealed class Machine
{
    internal Machine(MachineDescription description, EventStream events, PhysicalBus bus)
    {
        Description = description;
        Events = events;
        Bus = bus;
    }

    /// <summary>What it was built from.</summary>
    public MachineDescription Description { get; }

    /// <summary>Everything that happens in it.</summary>
    public EventStream Events { get; }

    /// <summary>What decodes its physical addresses.</summary>
    public PhysicalBus Bus { get; }

    /// <summary>Its PCI hierarchy.</summary>
    public PciTopology Topology { get; } = new();

    /// <summary>Its IOMMUs, in the order of the description.</summary>
    public required IReadOnlyList<Iommu.Iommu> Iommus { get; init; }

    /// <summary>Its PCI MSI domains, one an MSI controller, in the order of the description.</summary>
    public required IReadOnlyList<MsiDomain> MsiDomains { get; init; }

    /// <summary>Its platform MSI domains: beside each of <see cref="MsiDomains"/>, on the same controller.</summary>
    public required IReadOnlyList<MsiDomain> PlatformMsiDomains { get; init; }

    /// <summary>Its PCI functions, bridges included, in the order Linux finds them.</summary>
    public IReadOnlyList<PassthroughDevice> Devices { get; internal set; } = [];

    /// <summary>Its IOMMU groups, by number.</summary>
    public IReadOnlyList<PassthroughGroup> Groups { get; internal set; } = [];

    /// <summary>The device at an address, if there is one.</summary>
    public PassthroughDevice? Find(PciAddress address) => Devices.FirstOrDefault(device => device.Address == address);

    /// <summary>The group a device is in; null where no IOMMU translates it, or where <see cref="PassthroughDevice.NoGroupReason"/> says why not.</summary>
    public PassthroughGroup? FindGroup(PassthroughDevice device) => Groups.FirstOrDefault(group => group.Devices.Contains(device));

    /// <summary>The group of a device that has one.</summary>
    public PassthroughGroup GroupOf(PassthroughDevice device) => Groups.First(group => group.Devices.Contains(device));

    /// <summary>VFIO over this machine.</summary>
    public VfioHost CreateVfioHost(VfioOptions options) => new(Groups, Bus, Events, options, Devices.Where(static device => device.Iommu is null));
}
