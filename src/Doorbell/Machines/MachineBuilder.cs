using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Machines;

/// <summary>Builds a machine from its description and the devices plugged into it.</summary>
public sealed class MachineBuilder
{
    // A GIC without SPIs of its own cannot take a v2m frame; the architecture's most is what real parts have.
    private const int Spis = (int)(GicDomain.SpiLimit - GicDomain.FirstSpi);

    private readonly MachineDescription _description;
    private readonly SortedDictionary<PciAddress, PciDeviceModel> _plugged = [];
    private readonly EventStream _events;

    /// <summary>Begins a machine.</summary>
    public MachineBuilder(MachineDescription description, EventStream? events = null)
    {
        _description = description;
        _events = events ?? new EventStream();
    }

    /// <summary>When the machine's MSI domains map doorbells (M8): mainline's point unless said otherwise.</summary>
    public MappingPoint MappingPoint { get; init; } = MappingPoint.Alloc;

    /// <summary>Puts a device into a slot.</summary>
    /// <returns>ENODEV where the machine has no such slot; EEXIST where it is taken.</returns>
    public Result Plug(PciAddress address, PciDeviceModel model)
    {
        if (!_description.TryFindSlot(address, out _))
        {
            return Result.Fail(Errno.ENODEV, $"{_description.Name} has no slot {address} for {model.Name}; it has {string.Join(", ", _description.Slots.Select(static slot => slot.Address))}.");
        }

        return _plugged.TryAdd(address, model)
            ? Result.Ok
            : Result.Fail(Errno.EEXIST, $"slot {address} of {_description.Name} holds {_plugged[address].Name} already.");
    }

    /// <summary>Builds it; the reason says what of the description does not fit together.</summary>
    public Result<Machine> Build()
    {
        PhysicalBus bus = new();
        Dictionary<string, MsiDomain> msiDomains = [];
        GicDomain gic = new("gic", _description.Cpus, Spis, IntIdBits(), _events);
        foreach (MsiControllerDescription controller in _description.MsiControllers)
        {
            Result<MsiDomain> domain = BuildController(controller, gic, bus);
            if (!domain.IsOk)
            {
                return domain.WithoutValue;
            }

            msiDomains.Add(controller.Name, domain.Value);
        }

        Dictionary<string, Iommu.Iommu> iommus = [];
        foreach (IommuDescription iommu in _description.Iommus)
        {
            iommus.Add(iommu.Name, BuildIommu(iommu));
        }

        Machine machine = new(_description, _events, bus)
        {
            Iommus = [.. _description.Iommus.Select(iommu => iommus[iommu.Name])],
            MsiDomains = [.. _description.MsiControllers.Select(controller => msiDomains[controller.Name])],
        };
        foreach (PciHostDescription host in _description.PciHosts)
        {
            Result built = BuildHost(machine, host);
            if (!built.IsOk)
            {
                return built;
            }
        }

        Result connected = Connect(machine, iommus, msiDomains);
        return connected.IsOk ? machine : connected;
    }

    private Result<MsiDomain> BuildController(MsiControllerDescription controller, GicDomain gic, PhysicalBus bus)
    {
        switch (controller)
        {
            case GicV3ItsDescription description:
                GicV3Its its = new(description.Name, description.Base, gic, _events, description.DeviceIdBits, description.EventIdBits);
                Result placed = bus.AddTarget(its.TranslationFrame, GicV3Its.TranslationFrameSize, its);
                return placed.IsOk ? Result.Of<MsiDomain>(MsiDomains.PciMsi(new ItsDomain(its), _events, MappingPoint)) : placed;
            case GicV2mDescription description:
                List<GicV2mFrame> frames = [];
                foreach (GicV2mFrameDescription frame in description.MsiFrames)
                {
                    Result<GicV2mFrame> created = GicV2mFrame.Create($"{description.Name}@{frame.Base.Value:x}", frame.Base, frame.SpiBase, frame.SpiCount, gic, _events);
                    if (!created.IsOk)
                    {
                        return created.WithoutValue;
                    }

                    Result framePlaced = bus.AddTarget(frame.Base, GicV2mFrame.FrameSize, created.Value);
                    if (!framePlaced.IsOk)
                    {
                        return framePlaced;
                    }

                    frames.Add(created.Value);
                }

                return Result.Of<MsiDomain>(MsiDomains.PciMsi(new GicV2mDomain(description.Name, gic, frames, _events), _events, MappingPoint));
            default:
                return Result.Fail(Errno.ENODEV, $"{controller.Name}: {controller.GetType().Name} is not an MSI controller this version builds");
        }
    }

    private Iommu.Iommu BuildIommu(IommuDescription iommu)
    {
        // Linux uses the CPU's page size where the IOMMU has it, and its smallest granule where not.
        ulong granule = iommu.Granules.Contains(_description.PageSize) ? _description.PageSize : iommu.Granules.Min();
        return new Iommu.Iommu(iommu.Name, iommu.GetEngineModel(), _events, new IommuOptions
        {
            Granule = granule,
            InputBits = iommu.InputBits,
            ReservedRegions = [iommu.MsiWindow],
        });
    }

    private Result BuildHost(Machine machine, PciHostDescription description)
    {
        PciHostBridge host = new(description.Segment, description.FirstBus, description.LastBus);
        Result added = machine.Topology.Add(host);
        if (!added.IsOk)
        {
            return added;
        }

        List<PciBridge> ports = [];
        foreach (PciRootPortDescription port in description.RootPorts)
        {
            PciBridge bridge = new(port.Address, RootPort(port), port.SecondaryBus, port.SubordinateBus, _events);
            Result placed = host.Add(bridge);
            if (!placed.IsOk)
            {
                return placed;
            }

            ports.Add(bridge);
        }

        foreach ((PciAddress address, PciDeviceModel model) in _plugged)
        {
            if (!description.Owns(address))
            {
                continue;
            }

            Result placed = host.Add(new PciFunction(address, model, _events));
            if (!placed.IsOk)
            {
                return Result.Fail(placed.Errno, $"{model.Name} cannot be put at {address}: {placed.Reason}");
            }
        }

        return BarPlacement.Place(host, description);
    }

    private static PciBridgeDescription RootPort(PciRootPortDescription port) => new()
    {
        VendorId = Devices.DeviceIds.Vendor,
        DeviceId = Devices.DeviceIds.RootPort,
        Acs = port.Acs ? AcsServices.Isolation : AcsServices.None,
    };

    // RequesterID -> StreamID and DeviceID once, here; afterwards nothing looks them up.
    private Result Connect(Machine machine, Dictionary<string, Iommu.Iommu> iommus, Dictionary<string, MsiDomain> msiDomains)
    {
        Dictionary<PciFunction, PassthroughDevice> devices = [];
        foreach (PciFunction function in machine.Topology.Functions)
        {
            _description.TryFindHost(function.Address, out PciHostDescription? host);
            RequesterId requester = PciTopology.GetRequesterId(function);
            Iommu.Iommu? iommu = null;
            StreamTableEntry? stream = null;
            if (_description.TryFindStream(host!, requester, out StreamTarget target))
            {
                iommu = iommus[target.Iommu.Name];
                stream = iommu.GetStream(target.Stream);
            }

            MsiDomain? msiDomain = null;
            DeviceId deviceId = default;
            if (_description.TryFindMsiController(host!, requester, out MsiTarget controller))
            {
                msiDomain = msiDomains[controller.Controller.Name];
                deviceId = controller.Device;
            }

            function.Upstream = new RequesterPort(function.Name, requester, deviceId, stream, machine.Bus, _events);
            devices.Add(function, new PassthroughDevice
            {
                Function = function,
                Iommu = iommu,
                StreamId = target.Stream,
                DeviceId = deviceId,
                MsiDomain = msiDomain,
                MsiDevice = new PciMsiDevice(function, deviceId, stream),
                ReservedRegions = iommu?.GetReservedRegions() ?? [],
                IsBridge = function.IsBridge,
                Driver = function.IsBridge ? "pcieport" : PassthroughDevice.VfioDriver,
            });
        }

        machine.Devices = [.. machine.Topology.Functions.Select(function => devices[function])];
        List<List<PassthroughDevice>> groups = [.. machine.Topology.GetIsolationGroups().Select(group => group.Select(function => devices[function]).ToList())];
        Result apart = Separation.Check(groups);
        if (!apart.IsOk)
        {
            return apart;
        }

        // A device that no IOMMU translates has no group (and so no /dev/vfio/N).
        int number = 0;
        machine.Groups = [.. groups.Where(static group => group[0].Iommu is not null).Select(group => new PassthroughGroup(number++, group))];
        return Result.Ok;
    }

    private int IntIdBits()
    {
        int bits = 0;
        foreach (GicV3ItsDescription its in _description.MsiControllers.OfType<GicV3ItsDescription>())
        {
            bits = Math.Max(bits, its.IntIdBits);
        }

        return bits;
    }
}
