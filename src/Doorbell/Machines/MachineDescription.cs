using System.Diagnostics.CodeAnalysis;
using Doorbell.Devices;

namespace Doorbell.Machines;

/// <summary>
/// A machine as a person describes it: controllers, IOMMUs, PCI hosts and the memory map. Immutable and checked by its
/// reader; nothing runs yet.
/// </summary>
public sealed record MachineDescription
{
    /// <summary>What it is called on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>One line for people.</summary>
    public required string Title { get; init; }

    /// <summary>The instruction set.</summary>
    public required MachineArchitecture Architecture { get; init; }

    /// <summary>How many CPUs interrupts can be sent to, numbered from 0.</summary>
    public required int Cpus { get; init; }

    /// <summary>The page size of the kernel the machine would run, in bytes: doorbell pages and domains are built of it.</summary>
    public ulong PageSize { get; init; } = 0x1000;

    /// <summary>RAM.</summary>
    public IReadOnlyList<MemoryRange> Memory { get; init; } = [];

    /// <summary>MSI controllers.</summary>
    public IReadOnlyList<MsiControllerDescription> MsiControllers { get; init; } = [];

    /// <summary>IOMMUs.</summary>
    public IReadOnlyList<IommuDescription> Iommus { get; init; } = [];

    /// <summary>PCI hosts.</summary>
    public IReadOnlyList<PciHostDescription> PciHosts { get; init; } = [];

    /// <summary>What its reader assumed or left out, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>All slots, host by host, in the order a tool should fill them.</summary>
    public IEnumerable<PciSlotDescription> Slots => PciHosts.SelectMany(host => host.Slots);

    /// <summary>The host an address belongs to.</summary>
    public bool TryFindHost(PciAddress address, [NotNullWhen(true)] out PciHostDescription? host)
    {
        host = PciHosts.FirstOrDefault(candidate => candidate.Owns(address));
        return host is not null;
    }

    /// <summary>The slot at an address.</summary>
    public bool TryFindSlot(PciAddress address, [NotNullWhen(true)] out PciSlotDescription? slot)
    {
        slot = Slots.FirstOrDefault(candidate => candidate.Address == address);
        return slot is not null;
    }

    /// <summary>
    /// The same machine with what was found on it in the place of what is described: on hosts that own any of the functions there are no other
    /// bridges, and the devices among the functions are the slots.
    /// </summary>
    public MachineDescription WithFound(IReadOnlyList<CapturedAt> functions) => this with
    {
        PciHosts =
        [
            .. PciHosts.Select(host => !functions.Any(found => host.Owns(found.Address)) ? host : host with
            {
                RootPorts = [],
                Bridges = [],
                Slots = [.. functions.Where(found => host.Owns(found.Address) && !found.Function.IsBridge).Select(static found => new PciSlotDescription(found.Address, null))],
            }),
        ],
    };

    /// <summary>Where a device is asked for, for a sentence about it: the machine's own file, or <c>--device</c>.</summary>
    public string OriginOf(DeviceSpec device) =>
        Slots.Any(slot => ReferenceEquals(slot.Device, device)) ? $"{Name}'s own device {device}" : $"--device {device}";

    /// <summary>Which IOMMU translates a requester, and as which stream (iommu-map). False where none does (M7).</summary>
    /// <param name="host">The host the transaction goes through.</param>
    /// <param name="requester">As it arrives there, aliases of bridges applied.</param>
    /// <param name="target">The answer.</param>
    public bool TryFindStream(PciHostDescription host, RequesterId requester, out StreamTarget target)
    {
        target = default;
        if (!host.IommuMap.TryMap(requester, out string name, out uint stream))
        {
            return false;
        }

        target = new StreamTarget(Iommus.First(iommu => iommu.Name == name), new StreamId(stream));
        return true;
    }

    /// <summary>Which controller takes a requester's MSIs, and as which device (msi-map, msi-parent). False where none does.</summary>
    /// <param name="host">The host the transaction goes through.</param>
    /// <param name="requester">As it arrives there, aliases of bridges applied.</param>
    /// <param name="target">The answer.</param>
    public bool TryFindMsiController(PciHostDescription host, RequesterId requester, out MsiTarget target)
    {
        target = default;
        if (!host.MsiMap.TryMap(requester, out string name, out uint device))
        {
            return false;
        }

        target = new MsiTarget(MsiControllers.First(controller => controller.Name == name), new DeviceId(device));
        return true;
    }
}
