using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.SocMsi;
using Doorbell.X86;

namespace Doorbell.Machines;

/// <summary>Builds a machine from its description and the devices plugged into it.</summary>
public sealed class MachineBuilder
{
    // A GIC without SPIs of its own cannot take a v2m frame; the architecture's most is what real parts have.
    private const int Spis = (int)(GicDomain.SpiLimit - GicDomain.FirstSpi);

    // VfioOptions.DmaEntryLimit mappings far apart have a table of their own on each of three levels below the first.
    private const ulong TablesOfMappings = 3 * 65536;

    private readonly MachineDescription _description;
    private readonly SortedDictionary<PciAddress, PciDeviceModel> _plugged = [];
    private readonly SortedDictionary<PciAddress, CapturedFunction> _bridges = [];
    private readonly EventStream _events;

    /// <summary>Begins a machine.</summary>
    public MachineBuilder(MachineDescription description, EventStream? events = null)
    {
        _description = description;
        _events = events ?? new EventStream();
    }

    /// <summary>When the machine's MSI domains map doorbells (M8): mainline's point unless said otherwise.</summary>
    public MappingPoint MappingPoint { get; init; } = MappingPoint.Alloc;

    /// <summary>Bytes of page tables an IOMMU domain may have; as many tables as 65,535 mappings of one page each can need it has in any case.</summary>
    public ulong TableMemory { get; init; } = ulong.MaxValue;

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

    /// <summary>
    /// Puts a captured function where it was found, slot or none. A captured bridge leads to the buses its bytes name, in the place of the one
    /// described at its address. Where all functions of a host are captured their BARs stay where they were.
    /// </summary>
    /// <returns>ENODEV where the machine has no such bus; EEXIST where the place is taken.</returns>
    public Result Add(CapturedAt found) => found.Function.IsBridge ? AddBridge(found) : Add(found.Address, CapturedBehaviour.Create(found.Function).Value);

    /// <summary>Puts a captured device, perhaps with behaviour of its own, where it was found, slot or none.</summary>
    /// <returns>ENODEV where the machine has no such bus; EEXIST where the place is taken.</returns>
    public Result Add(PciAddress address, CapturedDevice device)
    {
        Result free = CheckFree(address);
        if (free.IsOk)
        {
            _plugged.Add(address, device);
        }

        return free;
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
            PlatformMsiDomains = [.. _description.MsiControllers.Select(controller => MsiDomains.PlatformMsi(msiDomains[controller.Name], _events))],
        };
        foreach (PciHostDescription host in _description.PciHosts)
        {
            Result built = new PciHostBuilder(host, _events).Build(machine.Topology, _plugged, _bridges);
            if (!built.IsOk)
            {
                return built;
            }
        }

        Result connected = new DeviceConnector(_description, iommus, msiDomains, _events).Connect(machine);
        return connected.IsOk ? machine : connected;
    }

    private Result AddBridge(CapturedAt found)
    {
        Result free = CheckFree(found.Address);
        if (free.IsOk)
        {
            _bridges.Add(found.Address, found.Function);
        }

        return free;
    }

    private Result CheckFree(PciAddress address)
    {
        if (!_description.TryFindHost(address, out _))
        {
            return Result.Fail(Errno.ENODEV, $"{_description.Name} has no PCI host with bus {address.Segment:x4}:{address.Bus:x2} for a captured function.");
        }

        return _plugged.ContainsKey(address) || _bridges.ContainsKey(address)
            ? Result.Fail(Errno.EEXIST, $"{address} of {_description.Name} is taken already.")
            : Result.Ok;
    }

    private Result<MsiDomain> BuildController(MsiControllerDescription controller, GicDomain gic, PhysicalBus bus)
    {
        switch (controller)
        {
            case GicV3ItsDescription description:
                GicV3Its its = new(description.Name, description.Base, gic, _events, description.DeviceIdBits, description.EventIdBits);
                Result placed = bus.AddTarget(its.TranslationFrame, GicV3Its.TranslationFrameSize, its);
                PreItsWindow? preIts = description.PreIts is { } window ? new PreItsWindow(its, window.Base, window.Size) : null;
                placed = placed.IsOk && preIts is not null ? bus.AddTarget(preIts.Base, preIts.Size, preIts) : placed;
                return placed.IsOk ? Result.Of<MsiDomain>(MsiDomains.PciMsi(new ItsDomain(its, preIts), _events, MappingPoint)) : placed;
            case GicV2mDescription description:
                List<GicV2mFrame> frames = [];
                foreach (GicV2mFrameDescription frame in description.MsiFrames)
                {
                    Result<GicV2mFrame> created = GicV2mFrame.Create($"{description.Name.Split('@')[0]}@{frame.Base.Value:x}", frame.Base, frame.SpiBase, frame.SpiCount, gic, _events);
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
            case SocMsiDescription description:
                SocMsiFrame page = new(description.Name, description.Doorbell, description.Vectors, _events);
                Result pagePlaced = bus.AddTarget(description.Page, SocMsiFrame.FrameSize, page);
                return pagePlaced.IsOk ? Result.Of<MsiDomain>(MsiDomains.PciMsi(new SocMsiDomain(page, description.IsInHost), _events, MappingPoint)) : pagePlaced;
            case ApicDescription description:
                return BuildApic(description, bus);
            default:
                return Result.Fail(Errno.ENODEV, $"{controller.Name}: {controller.GetType().Name} is not an MSI controller this version builds");
        }
    }

    // Linux remaps with every IOMMU or with none.
    private Result<MsiDomain> BuildApic(ApicDescription description, PhysicalBus bus)
    {
        List<IommuDescription> units = [.. _description.Iommus.Where(static iommu => iommu.IsX86)];
        if (units.Exists(unit => unit.Model != units[0].Model))
        {
            return Result.Fail(Errno.EINVAL, $"{description.Name}: {units[0].Name} and {units.First(unit => unit.Model != units[0].Model).Name} are IOMMUs of two architectures: a machine has those of one.");
        }

        bool remaps = units.Count > 0 && units.All(static unit => unit.InterruptRemapping);
        ApicDomain apic = new(description.Name, remaps ? _description.Cpus : Math.Min(_description.Cpus, InterruptAddress.CompatibleCpus), _events);
        (IBusTarget target, MsiDomain domain) = (remaps, units.FirstOrDefault()?.Model) switch
        {
            (true, SmmuModel.AmdVi) => BuildAmdVi(new AmdRemapping($"{description.Name}-ir", apic, _events)),
            (true, _) => BuildVtD(new VtdRemapping($"{description.Name}-ir", apic, _events)),
            _ => (new ApicMsiTarget(apic, _events), MsiDomains.PciMsi(apic, _events, MappingPoint)),
        };
        Result placed = bus.AddTarget(new PhysicalAddress(InterruptAddress.Base), InterruptAddress.Size, target);
        return placed.IsOk ? Result.Of(domain) : placed;
    }

    private (IBusTarget Target, MsiDomain Domain) BuildAmdVi(AmdRemapping unit) => (unit, MsiDomains.PciMsi(new AmdDomain(unit), _events, MappingPoint));

    private (IBusTarget Target, MsiDomain Domain) BuildVtD(VtdRemapping unit) => (unit, MsiDomains.PciMsi(new VtdDomain(unit), _events, MappingPoint));

    private Iommu.Iommu BuildIommu(IommuDescription iommu)
    {
        // Linux uses the CPU's page size where the IOMMU has it, and its smallest granule where not.
        ulong granule = iommu.Granules.Contains(_description.PageSize) ? _description.PageSize : iommu.Granules.Min();
        return new Iommu.Iommu(iommu.Name, iommu.GetEngineModel(), _events, new IommuOptions
        {
            Granule = granule,
            InputBits = iommu.InputBits,
            OutputBits = iommu.OutputBits,
            StreamIdBits = iommu.StreamIdBits,
            ReservedRegions = iommu.ReservedRegions,
            HardwareMsi = iommu.HardwareMsi.Count > 0 ? iommu.HardwareMsi : null,
            InterruptRemapping = iommu.InterruptRemapping,
            TableLimit = (int)Math.Clamp(TableMemory / granule, TablesOfMappings, int.MaxValue),
        });
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
