using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Pci;

namespace Doorbell.Machines;

/// <summary>Builds one PCI host: its bridges, what is plugged in, what was captured there, and their addresses.</summary>
internal sealed class PciHostBuilder(PciHostDescription description, EventStream events)
{
    private readonly PciHostBridge _host = new(description.Segment, description.FirstBus, description.LastBus);

    /// <summary>Puts the host into the topology; the reason says what does not fit where.</summary>
    /// <param name="topology">The machine's.</param>
    /// <param name="plugged">Devices in the machine's slots, by address.</param>
    /// <param name="captured">Captured bridges, by address; one takes the place of the bridge described there.</param>
    public Result Build(PciTopology topology, IReadOnlyDictionary<PciAddress, PciDeviceModel> plugged, IReadOnlyDictionary<PciAddress, CapturedFunction> captured)
    {
        Result added = topology.Add(_host);
        if (!added.IsOk)
        {
            return added;
        }

        IEnumerable<(PciAddress Address, CapturedFunction Function)> foundBridges =
            captured.Where(found => description.Owns(found.Key)).Select(static found => (found.Key, found.Value));
        foreach ((PciAddress address, CapturedFunction function) in foundBridges)
        {
            Result placed = AddCaptured(address, function);
            if (!placed.IsOk)
            {
                return placed;
            }
        }

        foreach (PciBridgeNode bridge in description.AllBridges.Where(bridge => !captured.ContainsKey(bridge.Address)))
        {
            Result placed = _host.Add(new PciBridge(bridge.Address, Describe(bridge), bridge.SecondaryBus, bridge.SubordinateBus, events));
            if (!placed.IsOk)
            {
                return placed;
            }
        }

        foreach ((PciAddress address, PciDeviceModel model) in plugged)
        {
            Result placed = description.Owns(address) ? AddDevice(address, model) : Result.Ok;
            if (!placed.IsOk)
            {
                return placed;
            }
        }

        return BarPlacement.Place(_host, description);
    }

    private Result AddCaptured(PciAddress address, CapturedFunction function)
    {
        ReadOnlySpan<byte> config = function.Config.Span;
        byte secondary = config[PciHeader.SecondaryBus], subordinate = config[PciHeader.SubordinateBus];
        return secondary > address.Bus && subordinate >= secondary
            ? _host.Add(new PciBridge(address, function.CreateConfigSpace(), function.Bars, events))
            : Result.Fail(Errno.EINVAL, $"captured bridge {address}: buses {secondary:x2} to {subordinate:x2} do not lie below bus {address.Bus:x2}: nobody had numbered them yet when it was captured.");
    }

    private Result AddDevice(PciAddress address, PciDeviceModel model)
    {
        if (model.Description.IsExpress && _host.FindBus(address.Bus)?.Self is { IsPort: false } bridge)
        {
            return Result.Fail(Errno.EINVAL, $"{model.Name} is PCI Express and cannot be put at {address}: below {bridge.Name} is conventional PCI.");
        }

        Result placed = _host.Add(new PciFunction(address, model, events));
        return placed.IsOk ? placed : Result.Fail(placed.Errno, $"{model.Name} cannot be put at {address}: {placed.Reason}");
    }

    private static PciBridgeDescription Describe(PciBridgeNode bridge) => new()
    {
        VendorId = DeviceIds.Vendor,
        DeviceId = bridge.Kind switch
        {
            PciBridgeKind.RootPort => DeviceIds.RootPort,
            PciBridgeKind.UpstreamPort => DeviceIds.UpstreamPort,
            PciBridgeKind.DownstreamPort => DeviceIds.DownstreamPort,
            PciBridgeKind.PcieToPci => DeviceIds.PcieToPciBridge,
            _ => DeviceIds.PciBridge,
        },
        Type = bridge.Kind switch
        {
            PciBridgeKind.RootPort => PciExpressType.RootPort,
            PciBridgeKind.UpstreamPort => PciExpressType.UpstreamPort,
            PciBridgeKind.DownstreamPort => PciExpressType.DownstreamPort,
            PciBridgeKind.PcieToPci => PciExpressType.PcieToPciBridge,
            _ => null,
        },
        Acs = bridge.Acs ? AcsServices.Isolation : AcsServices.None,
    };
}
